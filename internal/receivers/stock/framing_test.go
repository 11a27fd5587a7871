package stock

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func split(t *testing.T, stream string, bytesMax int, byBytes bool) ([]string, error) {
	t.Helper()
	reader := bufio.NewReader(strings.NewReader(stream))
	s := bufio.NewScanner(reader)
	if byBytes {
		s = bufio.NewScanner(iotest.OneByteReader(reader))
	}
	s.Buffer(make([]byte, 0, bytesMax), bytesMax)
	s.Split(frames(bytesMax))
	var got []string
	for s.Scan() {
		got = append(got, s.Text())
	}
	return got, s.Err()
}

func TestFrames(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []string
		fails  bool
	}{
		"lines":                   {"<1>a\n<1>b\n", []string{"<1>a", "<1>b"}, false},
		"a last line":             {"<1>a\n<1>b", []string{"<1>a", "<1>b"}, false},
		"NUL ends a line":         {"<1>a\x00<1>b\x00", []string{"<1>a", "<1>b"}, false},
		"counted":                 {"4 <1>a4 <1>b", []string{"<1>a", "<1>b"}, false},
		"counted, newline inside": {"7 <1>a\nb\n4 <1>b", []string{"<1>a\nb\n", "<1>b"}, false},
		"newline behind":          {"4 <1>a\n4 <1>b\n", []string{"<1>a", "<1>b"}, false},
		"mixed":                   {"4 <1>a<1>b\n4 <1>c\n\r\n<1>d", []string{"<1>a", "<1>b", "<1>c", "<1>d"}, false},
		"begins with a number":    {"12 monkeys\n7\n 3 <1>\n0 <1>\n12345678901 <1>x\n", []string{"12 monkeys", "7", " 3 <1>", "0 <1>", "12345678901 <1>x"}, false},
		"cut off":                 {"9 <1>a", []string{"<1>a"}, false},
		"cut off in the count":    {"12", []string{"12"}, false},
		"too large":               {"4 <1>a999 <1>b\n<1>c\n", []string{"<1>a"}, true},
		"never ends":              {"<1>a\n" + strings.Repeat("x", 300), []string{"<1>a"}, true},
		"nothing":                 {"", nil, false},
		"empty lines":             {"\n\r\n\x00", nil, false},
	} {
		for _, byBytes := range []bool{false, true} {
			got, err := split(t, c.stream, 200, byBytes)
			if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fails {
				t.Errorf("%s, byte by byte %v: %v\n%s", name, byBytes, err, diff)
			}
		}
	}
}

// However a stream is cut into reads, it is the same messages, and no bytes are made up.
func FuzzFrames(f *testing.F) {
	f.Add("4 <1>a<1>b\n12 monkeys\n9 <1>x")
	f.Add("1 <\x00\x00 \n99999999999999999999 <")
	f.Fuzz(func(t *testing.T, stream string) {
		whole, errWhole := split(t, stream, 100, false)
		single, errSingle := split(t, stream, 100, true)
		if diff := cmp.Diff(whole, single); diff != "" || (errWhole == nil) != (errSingle == nil) {
			t.Errorf("%v, %v\n%s", errWhole, errSingle, diff)
		}
		rest := []byte(stream)
		for _, m := range whole {
			i := bytes.Index(rest, []byte(m))
			if i < 0 {
				t.Fatalf("%q is not in the stream", m)
			}
			rest = rest[i+len(m):]
		}
	})
}
