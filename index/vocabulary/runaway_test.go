package vocabulary

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// hostile are texts that templates cannot explain: each is of a kind of its own.
var hostile = map[string]func(r *rand.Rand) string{
	"random words": func(r *rand.Rand) string {
		var b strings.Builder
		for range 8 {
			b.WriteString(randomWord(r, 4+r.IntN(8)))
			b.WriteByte(' ')
		}
		return b.String()
	},
	"random shapes": func(r *rand.Rand) string {
		var b strings.Builder
		for range 3 + r.IntN(20) {
			b.WriteString(randomWord(r, 1+r.IntN(8)))
			b.WriteString([]string{" ", ": ", "=", ", ", "/"}[r.IntN(5)])
		}
		return b.String()
	},
	"base64": func(r *rand.Rand) string {
		b := make([]byte, 150)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return base64.StdEncoding.EncodeToString(b)
	},
	"Han": func(r *rand.Rand) string {
		b := []rune(fmt.Sprintf("用户 %d 登录失败: ", r.IntN(1000)))
		for range 10 {
			b = append(b, 0x4e00+rune(r.IntN(400)))
		}
		return string(b)
	},
}

func randomWord(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}

// A vocabulary that does not settle stays small, whatever comes, and every text still comes back byte for byte.
func TestCoderRunaway(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			c := NewCoder(DefaultCoderLimits())
			for range 20_000 {
				checkCoded(t, c, []byte(text(r)))
			}
			if c.Len() > 2*runawayTemplates {
				t.Errorf("%d templates of 20,000 texts", c.Len())
			}
		})
	}
}

// After a burst of texts that no template explains, ordinary messages of a new kind get templates again.
func TestCoderAfterRunaway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := NewCoder(DefaultCoderLimits())
	for range 20_000 {
		c.Code([]byte(hostile["random words"](r)))
	}
	raw := func() (n int) {
		for i := range 10_000 {
			_, holes := c.Code(fmt.Appendf(nil, "request %d of kind %s done", i, []string{"a", "b", "c"}[i%3]))
			if len(holes) == 1 && holes[0].Kind == HoleRaw {
				n++
			}
		}
		return n
	}
	if first, then := raw(), raw(); first > 10 || then > 0 {
		t.Error("ordinary messages are still kept raw")
	}
}

// A noisy sender beside an ordinary one must not cost the ordinary one its templates.
func TestCoderMixedRunaway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := NewCoder(DefaultCoderLimits())
	bodies, _ := generated(20_000)
	alone, first := NewCoder(DefaultCoderLimits()), 0
	for i, body := range bodies {
		if alone.Code(body); i == 10_000 {
			first = alone.Len()
		}
	}
	brought := alone.Len() - first // new templates: each may be turned away once
	rawBodies := 0
	for i, body := range bodies {
		if _, holes := c.Code(body); i > 10_000 && len(holes) == 1 && holes[0].Kind == HoleRaw {
			rawBodies++
		}
		c.Code([]byte(hostile["random words"](r)))
	}
	if rawBodies > 3*brought { // places where words vary are not learned meanwhile
		t.Errorf("%d of 10,000 ordinary texts are raw, they bring %d templates", rawBodies, brought)
	}
	if c.Len() > 20_000 {
		t.Errorf("%d templates", c.Len())
	}
}

// BenchmarkCoderRunaway is to be compared with BenchmarkCoder: worst cases may cost three times as much at the most.
func BenchmarkCoderRunaway(b *testing.B) {
	for name, text := range hostile {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			texts, n := make([][]byte, 20_000), 0
			for i := range texts {
				texts[i] = []byte(text(r))
				n += len(texts[i])
			}
			b.SetBytes(int64(n))
			for b.Loop() {
				c := NewCoder(DefaultCoderLimits())
				for _, text := range texts {
					c.Code(text)
				}
			}
		})
	}
}
