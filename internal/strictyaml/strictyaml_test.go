package strictyaml

import (
	"strings"
	"testing"
	"time"
)

type inner struct {
	GRPC    string        `yaml:"grpc"`
	Timeout time.Duration `yaml:"timeout"`
	Sizes   []int         `yaml:"sizes"`
}

type outer struct {
	Data  string           `yaml:"data"`
	OTLP  inner            `yaml:"otlp"`
	Named map[string]inner `yaml:"named"`
	Free  map[string]any   `yaml:"free"`
}

func TestDecodeKeepsDefaults(t *testing.T) {
	v := outer{Data: "kept", OTLP: inner{GRPC: "old", Timeout: time.Second}}
	if err := Decode("f", []byte("otlp:\n  grpc: new\nfree: {any: [1, {deep: 2}]}\n"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Data != "kept" || v.OTLP.GRPC != "new" || v.OTLP.Timeout != time.Second {
		t.Errorf("decoded %+v", v)
	}
}

func TestDecodeProblems(t *testing.T) {
	var v outer
	err := Decode("clew.yaml", []byte("dta: x\notlp:\n  timeout: soon\n  sizes: 3\n  zzz: 1\nnamed:\n  a: {grcp: b}\n"), &v)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`clew.yaml:1:1: dta: unknown key; did you mean "data"?`,
		`clew.yaml:3:12: otlp.timeout: want a duration such as 30s, 15m or 168h, have "soon"`,
		`clew.yaml:4:10: otlp.sizes: want a list, have "3"`,
		`clew.yaml:5:3: otlp.zzz: unknown key; want one of grpc, timeout, sizes`,
		`clew.yaml:7:7: named.a.grcp: unknown key; did you mean "grpc"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
	if v.Data != "" {
		t.Errorf("a refused document was decoded: %+v", v)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("otlp: {grpc: a}"))
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("named: {b: {sizes: [1, two]}}\n---\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v outer
		_ = Decode("f", data, &v) // must not panic or hang
	})
}
