package main

import (
	"bufio"
	"strings"
	"testing"

	"clew/query/api"
)

func TestPrintUsage(t *testing.T) {
	u := &api.Usage{By: "service", Records: 120, Bytes: 4 << 20, Unsealed: 20, Rows: []api.UsageRow{
		{Name: "checkout", Records: 90, Bytes: 3 << 20, First: "2026-11-21T10:00:00.000000001Z", Last: "2026-11-21T11:02:03Z"},
		{Absent: true, Records: 30, Bytes: 1 << 20, First: "2026-11-21T10:00:00Z", Last: "2026-11-21T10:30:00Z"},
	}}
	var out strings.Builder
	w := bufio.NewWriter(&out)
	if err := printUsage(w, u); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const want = `BYTES    SHARE  RECORDS  FIRST             LAST              SERVICE
3.0 MiB  75.0%  90       2026-11-21 10:00  2026-11-21 11:02  checkout
1.0 MiB  25.0%  30       2026-11-21 10:00  2026-11-21 10:30  (none)
4.0 MiB on disk, 120 records, 20 of them not in segments yet
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 5 << 40: "5.0 TiB", 5 << 50: "5.0 PiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSuggestionLines(t *testing.T) {
	o := &grepOptions{service: "chekout"}
	for pattern, want := range map[string]string{"conection reset": `"conection reset" service=chekout`, "a.*b": "service=chekout", "": "service=chekout"} {
		o.patterns = []string{pattern}
		q, err := o.plainQuery()
		if err != nil || q.String() != want {
			t.Errorf("%q: %v, %v; want %s", pattern, q, err, want)
		}
	}
	got := suggestionLines([]api.Suggestion{{Kind: "word", Text: "conection", Replacement: "connection", Count: 1}})
	if want := "clew: nothing has the word \"conection\"; did you mean \"connection\"? (1 record)\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
