package vocabulary

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkCoded fails the test unless code and holes give text back and keep to the rules of template.go.
func checkCoded(t *testing.T, c *Coder, text []byte) (template []byte, holes []Hole) {
	t.Helper()
	code, holes := c.Code(text)
	template = c.Templates().At(int(code))
	kinds := Holes(nil, template)
	if len(kinds) != len(holes) || len(holes) > holesMax {
		t.Fatalf("text %q: template %q: %d holes", text, template, len(holes))
	}
	last := 0
	got := Append(nil, template, func(k int) []byte {
		h := holes[k]
		if h.Kind != kinds[k] || h.Start < last || h.End < h.Start {
			t.Fatalf("text %q: template %q: hole %d is %v", text, template, k, h)
		}
		last = h.End
		v := text[h.Start:h.End]
		checkHole(t, text, h)
		if h.Kind == HoleInt {
			return AppendInt(nil, EncodeInt(v))
		}
		return v
	})
	if !bytes.Equal(got, text) {
		t.Fatalf("text %q: template %q gives %q", text, template, got)
	}
	return template, holes
}

func checkHole(t *testing.T, text []byte, h Hole) {
	t.Helper()
	v := text[h.Start:h.End]
	digits := 0
	for _, b := range v {
		if b >= '0' && b <= '9' {
			digits++
		}
	}
	var words []string
	Words(text, func(start, end int) bool {
		if start >= h.Start && end <= h.End {
			words = append(words, string(text[start:end]))
		}
		return true
	})
	ok := true
	switch h.Kind {
	case HoleInt:
		ok = digits == len(v) && digits >= 1 && digits <= 17
	case HoleID:
		ok = digits >= 1 && isASCII(v) && plainLettersMax(v) <= 3 && (len(words) == 1 && words[0] == string(v) || len(words) == 5 && hasUUID(v))
	case HoleWord:
		ok = len(words) == 1 && words[0] == string(v)
	}
	if !ok {
		t.Fatalf("text %q: hole %v is %q", text, h, v)
	}
}

func hasUUID(s []byte) bool {
	for i := 0; i+uuidLen <= len(s); i++ {
		if isUUID(s[i : i+uuidLen]) {
			return true
		}
	}
	return false
}

func TestCoderTemplates(t *testing.T) {
	readable := strings.NewReplacer("\x01", "<int>", "\x02", "<id>", "\x03", "<word>", "\x04", "<raw>")
	for text, want := range map[string]string{
		"":                                     "",
		"no variables here":                    "no variables here",
		"worker-12 took 5ms":                   "worker-<int> took <int>ms",
		"eth0: 10.250.19.102:54106":            "eth<int>: <int>.<int>.<int>.<int>:<int>",
		"2005-06-03-15.42.50.675872":           "<int>-<int>-<int>-<int>.<int>.<int>.<int>",
		"007 0 00 1.20":                        "<int> <int> <int> <int>.<int>",
		"blk_38865049064139660 ok":             "blk_<int> ok",
		"blk_-1608999687919862906":             "blk_-<id>",
		"blk_1608999687919862906":              "<id>",
		"12345678901234567":                    "<int>",
		"123456789012345678":                   "<id>",
		"id 9f86d081884c7d65.":                 "id <id>.",
		"0x7fFe 0x1":                           "<id> <id>",
		"deadbeef cafe1 abc1def2":              "deadbeef cafe<int> <id>",
		"pod checkout-7d9f8b6c5d-x7k2p up":     "pod checkout-<id>-<word> up",
		"550e8400-e29b-41d4-a716-446655440000": "<id>",
		"/550e8400-e29b-41d4-a716-446655440000_del x_aaaaaaaa-e29b-41d4-a716-446655440000": "/<id> <id>",
		"(aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee1)":                                           "(<id>)",
		"x550e8400-e29b-41d4-a716-446655440000":                                            "x<int>e<int>-e<int>b-<int>d<int>-a<int>-<int>",
		"apps/v1beta1 utf8 k8s x86_64 sha256sum":                                           "apps/v<int>beta<int> utf<int> k<int>s x<int>_<int> sha<int>sum",
		"key AKIAIOSFODNN7EXAMPLE":                                                         "key <word>",
		"Größe5 第5章 ５":                                                                     "Größe<int> 第<int>章 ５",
		"é123456789012345678 5":                                                            "é123456789012345678 <int>",
		"a\x01b 5":                                                                         "<raw>",
		"\xff5\xc3":                                                                        "\xff<int>\xc3",
		strings.Repeat("7 ", 24):                                                           strings.Repeat("<int> ", 24),
		strings.Repeat("7 ", 25):                                                           strings.Repeat("<int> ", 23) + "<raw>",
		strings.Repeat("7 ", 23) + "a7b7 x":                                                strings.Repeat("<int> ", 23) + "<raw>",
		strings.Repeat("7 ", 22) + "a7b7 x":                                                strings.Repeat("<int> ", 22) + "a<int>b<int> x",
		strings.Repeat("7 ", 22) + "a7b7 7":                                                strings.Repeat("<int> ", 22) + "<raw>",
		strings.Repeat("x", textBytesMax+1):                                                "<raw>",
		strings.Repeat("x", templateBytesMax+1):                                            "<raw>",
	} {
		got, _ := checkCoded(t, NewCoder(DefaultCoderLimits()), []byte(text))
		if readable.Replace(string(got)) != want {
			t.Errorf("%.80q: %q, want %q", text, readable.Replace(string(got)), want)
		}
	}
}

func TestCoderLearnsWords(t *testing.T) {
	name := func(i int) string {
		return string([]byte{'a' + byte(i%26), 'a' + byte(i/26%26), 'k', 'a' + byte(i/676%26)})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for what, text := range map[string]func() string{
		"one place": func() string { return fmt.Sprintf("user %s logged in after %d ms", name(r.IntN(5000)), r.IntN(1000)) },
		"two places": func() string {
			return fmt.Sprintf("session opened for user %s by host %s.", name(r.IntN(3000)), name(r.IntN(3000)))
		},
		"three places": func() string {
			return fmt.Sprintf("move of %s from %s to %s has been completed", name(r.IntN(300)), name(r.IntN(3000)), name(r.IntN(3000)))
		},
		"a place beside one of two words": func() string {
			return fmt.Sprintf("user %s logged %s", name(r.IntN(5000)), []string{"in", "out"}[r.IntN(2)])
		},
		"word with digits": func() string { return fmt.Sprintf("host %s%d is down", name(r.IntN(5000)), r.IntN(9)) },
		"nothing else":     func() string { return name(r.IntN(5000)) },
	} {
		c := NewCoder(DefaultCoderLimits())
		for range 5000 {
			checkCoded(t, c, []byte(text()))
		}
		if c.Len() > 250 {
			t.Errorf("%s: %d templates", what, c.Len())
		}
		if template, _ := checkCoded(t, c, []byte(text())); !bytes.Contains(template, []byte{HoleWord}) {
			t.Errorf("%s: %q", what, template)
		}
	}

	// Words that tell messages apart stay in the templates.
	c := NewCoder(DefaultCoderLimits())
	verbs := strings.Fields("get put post delete patch head options trace connect copy move lock unlock search merge")
	for range 1000 {
		template, _ := checkCoded(t, c, []byte(verbs[r.IntN(len(verbs))]+" took "+fmt.Sprint(r.IntN(100))))
		if bytes.Contains(template, []byte{HoleWord}) {
			t.Fatalf("%q", template)
		}
	}
}

func TestCoderLimits(t *testing.T) {
	c := NewCoder(CoderLimits{Templates: 100, TemplateBytes: 1 << 20})
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		checkCoded(t, c, randomText(r))
	}
	if c.Len() > 101 {
		t.Errorf("%d templates, want 101 at the most", c.Len())
	}
	c = NewCoder(CoderLimits{Templates: 1000, TemplateBytes: 2000})
	for range 2000 {
		checkCoded(t, c, randomText(r))
	}
	if n := len(c.Templates().Data); n > 2001 {
		t.Errorf("%d bytes of templates, want 2001 at the most", n)
	}
}

func TestCoderIsDeterministicAndSnapshotsStay(t *testing.T) {
	texts := make([][]byte, 3000)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range texts {
		texts[i] = randomText(r)
	}
	a, b := NewCoder(DefaultCoderLimits()), NewCoder(DefaultCoderLimits())
	var snapshots []*Arena
	var copies []string
	for i, text := range texts {
		ca, _ := a.Code(text)
		cb, _ := b.Code(text)
		if ca != cb {
			t.Fatalf("text %d: codes %d and %d", i, ca, cb)
		}
		if i%100 == 0 {
			s := a.Templates()
			snapshots, copies = append(snapshots, s), append(copies, fmt.Sprint(s.Len(), string(s.Data)))
		}
	}
	for i, s := range snapshots {
		if fmt.Sprint(s.Len(), string(s.Data)) != copies[i] {
			t.Errorf("snapshot %d has changed", i)
		}
	}
}

// pieces is what random texts are made of: every kind of hole, and what stands beside them.
var pieces = []string{
	"user", "bob", "alice", "connection", "Timeout", "error", "failed", "GET", "x", "_", "é", "größe", "第", "章", "ｱ", "한",
	"0", "7", "42", "007", "12345678901234567", "123456789012345678", "9f86d081884c7d65", "0x7f", "x7k2p", "deadbeef", "_del",
	"550e8400-e29b-41d4-a716-446655440000", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeee1", "eth0", "5ms", "v1beta1",
	" ", " ", " ", " ", "-", ":", "/", ".", "=", ", ", "\n", "\t", "\xff", "\xe7", "\xac", "K", "ſ", "İ", "ẞ", "ß",
}

func randomText(r *rand.Rand) []byte {
	var b []byte
	for range 1 + r.IntN(12) {
		b = append(b, pieces[r.IntN(len(pieces))]...)
		if r.IntN(40) == 0 {
			b = append(b, byte(r.IntN(256)))
		}
	}
	if r.IntN(100) == 0 {
		b = append(b, strings.Repeat("12 ab", r.IntN(20))...)
	}
	return b
}

func TestCoderOnRandomTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	c := NewCoder(DefaultCoderLimits())
	for range 30_000 {
		checkCoded(t, c, randomText(r))
	}
}

func FuzzCoder(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		f.Add(randomText(r), randomText(r))
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		c := NewCoder(CoderLimits{Templates: 20, TemplateBytes: 4000})
		checkCoded(t, c, one)
		checkCoded(t, c, two)
		// Enough variants of each word of one that places are learned.
		for i := range 70 {
			v := append(append([]byte{}, one...), ' ', 'a'+byte(i%26), 'a'+byte(i/26), 'q')
			checkCoded(t, c, append(v, two...))
		}
		checkCoded(t, c, one)
	})
}

func TestInts(t *testing.T) {
	for _, s := range []string{"0", "1", "00", "007", "12345678901234567", "00000000000000000", "01234567890123456", "10", "99999999999999999"} {
		if got := string(AppendInt(nil, EncodeInt([]byte(s)))); got != s {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, damaged := range []int64{-1, -9, -12, -1 << 63} {
		AppendInt([]byte("x"), damaged) // must not panic
	}
}

func TestWordsAndHashes(t *testing.T) {
	var got []string
	Words([]byte("a_b c-d2 第5章é ſK\xffz İ"), func(start, end int) bool {
		got = append(got, "a_b c-d2 第5章é ſK\xffz İ"[start:end])
		return true
	})
	if want := "a_b|c|d2|第|5|章|é|ſK|z|İ"; strings.Join(got, "|") != want {
		t.Errorf("words %q, want %q", strings.Join(got, "|"), want)
	}
	r := rand.New(rand.NewPCG(1, 9))
	for range 20_000 {
		s := randomText(r)
		low := AppendLower(nil, s)
		if utf8.Valid(s) && HashWord(s) != Hash(low) {
			t.Fatalf("hash of %q is not that of %q", s, low)
		}
		if !equalLower(s, low) || prefixLower(append(s, 'x'), low) != len(s) {
			t.Fatalf("%q does not equal its lower case %q", s, low)
		}
		if equalLower(s, append(low, 'x')) || len(low) > 1 && equalLower(s, low[:len(low)-1]) {
			t.Fatalf("%q equals another string", s)
		}
	}
	long := bytes.Repeat([]byte("ÀB"), 100)
	if HashWord(long) != Hash([]byte(strings.ToLower(string(long)))) {
		t.Error("hash of a long word")
	}
}

func TestInterner(t *testing.T) {
	n := NewInterner()
	want := map[string]uint32{}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		s := fmt.Sprint(r.IntN(3000))
		code, added := n.InternString(s)
		old, known := want[s]
		if added == known || known && old != code || string(n.At(code)) != s {
			t.Fatalf("%s: code %d, added %v; before: %d %v", s, code, added, old, known)
		}
		want[s] = code
		if c, ok := n.Lookup([]byte(s)); !ok || c != code {
			t.Fatalf("look-up of %s: %d %v", s, c, ok)
		}
	}
	if _, ok := n.Lookup([]byte("absent")); ok || n.Len() != len(want) {
		t.Errorf("%d strings, want %d", n.Len(), len(want))
	}
	if code, added := n.InternString(""); !added || len(n.At(code)) != 0 {
		t.Error("the empty string")
	}
}
