package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
)

// sendLines sends text lines as log records of a service, in order, one millisecond apart.
func sendLines(t *testing.T, p *harness.Process, service string, lines []string) {
	t.Helper()
	type object = map[string]any
	start := time.Now().Add(-time.Hour)
	for from := 0; from < len(lines); from += 500 {
		var records []object
		for i := from; i < min(from+500, len(lines)); i++ {
			records = append(records, object{
				"timeUnixNano": strconv.FormatInt(start.Add(time.Duration(i)*time.Millisecond).UnixNano(), 10),
				"body":         object{"stringValue": lines[i]},
			})
		}
		body, err := json.Marshal(object{"resourceLogs": []object{{
			"resource":  object{"attributes": []object{{"key": "service.name", "value": object{"stringValue": service}}}},
			"scopeLogs": []object{{"logRecords": records}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Post("http://"+p.OTLP+"/v1/logs", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("sending lines: %s", res.Status)
		}
	}
}

// hostLines are real log lines of this machine, and ones that look like what services write.
func hostLines(t *testing.T) []string {
	var lines []string
	for _, file := range []string{"/var/log/dpkg.log", "/var/log/alternatives.log", "/var/log/apt/term.log", "/var/log/apt/history.log", "/var/log/bootstrap.log", "/etc/services", "/etc/mime.types"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimRight(line, "\r\n")
			if line != "" && len(lines) < 20_000 {
				lines = append(lines, strings.ToValidUTF8(line, "?"))
			}
		}
	}
	t.Logf("%d lines of this host", len(lines))
	for i := range 3000 {
		lines = append(lines,
			fmt.Sprintf("2026-01-%02dT10:%02d:07.123Z INFO GET /cart?id=%d HTTP/1.1 200 %dms", 1+i%28, i%60, i*37, i%900),
			fmt.Sprintf("Failed password for user%d from 10.0.%d.%d port %d ssh2", i%50, i%255, i%7, 1024+i),
			fmt.Sprintf("blk_%d replicated to 10.250.%d.%d: Timeout, TIMEOUT_MS=%d time-out", -1*i*7919, i%200, i%30, i),
			fmt.Sprintf("наблюдение %d: превышен тайм-аут соединения с узлом 東京%d", i, i%3))
	}
	return lines
}

// Counts are grep's: a word is `grep -ciw`, a fixed string `grep -cF`, an expression `grep -cE`.
func TestGrepCounts(t *testing.T) {
	grep, err := exec.LookPath("grep")
	if err != nil {
		t.Skip("grep is not installed")
	}
	p := start(t, tempData(t), "")
	lines := hostLines(t)
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sendLines(t, p, "host", lines)
	eventually(t, 20*time.Second, "all lines are searchable", func() bool { return countLogs(t, p, "") == uint64(len(lines)) })

	words := []string{"timeout", "status", "installed", "tcp", "port", "ssh2", "10", "GET", "blk_7919", "user7", "тайм", "nosuchword", "Failed", "007", "application"}
	fixed := []string{"GET /cart?id=37", "10.0.1.1", "ssh", ".12", "TIMEOUT_MS=42", "тайм-аут", "a", "[0-9]", "HTTP/1.1 200 5ms", "status installed", "/tcp"}
	regexes := []string{
		`blk_-?[0-9]+`, `port 10[0-9]{2} `, `^Failed .* ssh2$`, `T10:0[0-9]:`, `(status|install) `, `user(1|2)[0-9] `, `[a-z]+/[0-9]+\.[0-9]+`,
		`\bGET\b`, `id=[0-9]*7 `, `^$`, `x{3,}`, `узл.м`, `(?i)timeout`, `[0-9]+ms$`, `\.deb`,
	}
	check := func(stage string) {
		for _, w := range words {
			want := grepCount(t, grep, file, "-ciw", w)
			if got := countLogs(t, p, w); got != want {
				t.Errorf("%s: word %q: %d records, grep -ciw %d", stage, w, got, want)
			}
			if got := clewCount(t, p, "-c", "-i", "-w", w); got != want {
				t.Errorf("%s: clew grep -ciw %q: %d records, grep %d", stage, w, got, want)
			}
			want = grepCount(t, grep, file, "-cw", w)
			if got := clewCount(t, p, "-c", "-w", w); got != want {
				t.Errorf("%s: clew grep -cw %q: %d records, grep %d", stage, w, got, want)
			}
		}
		for _, f := range fixed {
			if got, want := clewCount(t, p, "-c", "-F", f), grepCount(t, grep, file, "-cF", f); got != want {
				t.Errorf("%s: clew grep -cF %q: %d records, grep %d", stage, f, got, want)
			}
			if got, want := clewCount(t, p, "-c", "-v", "-F", f), grepCount(t, grep, file, "-cvF", f); got != want {
				t.Errorf("%s: clew grep -cvF %q: %d records, grep %d", stage, f, got, want)
			}
			if got, want := clewCount(t, p, "-c", "-i", "-F", f), grepCount(t, grep, file, "-ciF", f); got != want {
				t.Errorf("%s: clew grep -ciF %q: %d records, grep %d", stage, f, got, want)
			}
		}
		for _, r := range regexes {
			want := uint64(0)
			if strings.Contains(r, "(?i)") {
				want = grepCount(t, grep, file, "-ciE", strings.TrimPrefix(r, "(?i)"))
			} else {
				want = grepCount(t, grep, file, "-cE", r)
			}
			if got := clewCount(t, p, "-c", r); got != want {
				t.Errorf("%s: clew grep -c %q: %d records, grep -cE %d", stage, r, got, want)
			}
		}
	}
	check("in the head")
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	check("sealed")

	want, err := exec.Command(grep, "-E", `port 10[0-9]{2} `, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := clew(t, p, "grep", "--no-prefix", `port 10[0-9]{2} `); got != string(want) {
		t.Errorf("clew grep prints other lines, or in another order, than grep: %d and %d bytes", len(got), len(want))
	}
	wantOnly, err := exec.Command(grep, "-oE", `user[0-9]+ from`, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := clew(t, p, "grep", "--no-prefix", "-o", `user[0-9]+ from`); got != string(wantOnly) {
		t.Errorf("clew grep -o prints other pieces than grep -o")
	}
	if _, code := clew(t, p, "grep", "no such line at all"); code != 1 {
		t.Errorf("exit code %d where nothing matches, want 1", code)
	}
	around, err := exec.Command(grep, "-B2", "-A1", "-F", "GET /cart?id=3700 ", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := clew(t, p, "grep", "--no-prefix", "-B2", "-A1", "-F", "GET /cart?id=3700 "); got != string(around) {
		t.Errorf("clew grep -B2 -A1:\n%s\ngrep:\n%s", got, around)
	}
}

func grepCount(t *testing.T, grep, file, flags, pattern string) uint64 {
	t.Helper()
	cmd := exec.Command(grep, flags, "-e", pattern, file)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("grep %s %q: %v", flags, pattern, err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func clewCount(t *testing.T, p *harness.Process, args ...string) uint64 {
	t.Helper()
	args = append([]string{"grep"}, args...)
	last := len(args) - 1
	out, _ := clew(t, p, append(args[:last:last], "--", args[last])...)
	n, err := strconv.ParseUint(strings.TrimSpace(out), 10, 64)
	if err != nil {
		t.Fatalf("clew %v: %q", args, out)
	}
	return n
}

// -m shows the newest, -f what arrives, -v the others; --json prints whole records.
func TestGrepFlags(t *testing.T) {
	p := start(t, tempData(t), "")
	sendLines(t, p, "shop", []string{"one apple", "two pears", "three apples", "four plums", "five apples"})
	sendLines(t, p, "farm", []string{"six apples\nand a second line"})
	eventually(t, 20*time.Second, "all lines are searchable", func() bool { return countLogs(t, p, "") == 6 })
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-m", "2", "--service", "shop", "apple"}, "three apples\nfive apples\n", 0},
		{[]string{"-v", "apple"}, "two pears\nfour plums\n", 0},
		{[]string{"-c", "apple"}, "4\n", 0},
		{[]string{"-c", "-w", "apple"}, "1\n", 0},
		{[]string{"-w", "apple"}, "one apple\n", 0},
		{[]string{"-i", "-F", "THREE"}, "three apples\n", 0},
		{[]string{"--where", "service:farm", "apple"}, "six apples\nand a second line\n", 0},
		{[]string{"-B1", "-A1", "plums"}, "three apples\nfour plums\nfive apples\n", 0},
		{[]string{"-o", "[a-z]+ app", "--service", "shop"}, "one app\nthree app\nfive app\n", 0},
		{[]string{"-c", "cherries"}, "0\n", 1},
		{[]string{"--until", "2000-01-01", "apple"}, "", 1},
	} {
		out, code := clew(t, p, append([]string{"grep", "--no-prefix"}, c.args...)...)
		if out != c.want || code != c.code {
			t.Errorf("clew grep %v: exit code %d:\n%swant %d:\n%s", c.args, code, out, c.code, c.want)
		}
	}
	out, _ := clew(t, p, "grep", "--json", "three")
	var record struct{ Body, Service string }
	if err := json.Unmarshal([]byte(out), &record); err != nil || record.Body != "three apples" || record.Service != "shop" {
		t.Errorf("clew grep --json: %s (%v)", out, err)
	}
	for _, args := range [][]string{{"grep", "("}, {"grep", "--where", "a AND", "x"}, {"grep", "--since", "soon", "x"}, {"grep", "--server", "http://127.0.0.1:1", "x"}} {
		var words bytes.Buffer
		cmd := exec.Command(clewBinary, args...)
		cmd.Env = append(os.Environ(), "CLEW_SERVER=http://"+p.HTTP)
		cmd.Stderr = &words
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 || words.Len() == 0 {
			t.Errorf("clew %v: %v, %q; want exit code 2 and words", args, err, words.String())
		}
	}
}

func TestGrepFollow(t *testing.T) {
	p := start(t, tempData(t), "")
	sendLine := func(text string) {
		t.Helper()
		status, answer := postJSON(t, p.OTLP, "/v1/logs", fmt.Sprintf(
			`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","body":{"stringValue":%q}}]}]}]}`, time.Now().UnixNano(), text))
		if status != http.StatusOK {
			t.Fatalf("%d: %s", status, answer)
		}
	}
	sendLine("before apple")
	eventually(t, 20*time.Second, "the line is searchable", func() bool { return countLogs(t, p, "") == 1 })
	cmd := exec.Command(clewBinary, "grep", "--no-prefix", "-f", "apple")
	cmd.Env = append(os.Environ(), "CLEW_SERVER=http://"+p.HTTP)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	go func() {
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			lines <- sc.Text()
		}
		close(lines)
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Errorf("followed %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%q did not come", want)
		}
	}
	expect("before apple")
	sendLine("a pear")
	sendLine("first apple")
	expect("first apple")
	if err := p.Post(t.Context(), "/api/v1/admin/seal", nil); err != nil {
		t.Fatal(err)
	}
	sendLine("second apple")
	expect("second apple")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if line, ok := <-lines; ok {
		t.Errorf("%q came twice, or too late", line)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("clew grep -f, interrupted: %v", err)
	}
}
