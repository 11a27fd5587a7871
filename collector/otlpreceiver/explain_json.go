package otlpreceiver

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// explainJSON finds the field for which a JSON body was refused by the decoder, whose own message names none. It is slow
// and runs only then. It returns nil if it finds nothing wrong.
func explainJSON(body []byte, request *message) *BodyError {
	x := &explainer{dec: json.NewDecoder(bytes.NewReader(body))}
	x.dec.UseNumber()
	if err := x.value(&field{kind: kindMessage, msg: request}); err != nil {
		return err.finish()
	}
	return nil
}

type explainer struct {
	dec *json.Decoder
}

// token reads the next token; numbers are json.Number.
func (x *explainer) token() (json.Token, *BodyError) {
	tok, err := x.dec.Token()
	if err == nil {
		return tok, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, x.wrong("the request ends too early")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, bodyErrorAt(int(syntax.Offset), "%s", syntax.Error())
	}
	return nil, x.wrong("%s", err.Error())
}

func (x *explainer) wrong(format string, args ...any) *BodyError {
	return bodyErrorAt(int(x.dec.InputOffset()), format, args...)
}

// value checks a field's value. Nesting was bounded by surveyJSON.
func (x *explainer) value(f *field) *BodyError {
	repeated := f.repeated || f.kind == kindFixed64s || f.kind == kindVarints
	tok, err := x.token()
	if err != nil || tok == nil { // null is as good as absent
		return err
	}
	if !repeated {
		return x.single(f, tok)
	}
	if tok != json.Delim('[') {
		return x.wrong("want an array, have %s", describe(tok))
	}
	for i := 0; x.dec.More(); i++ {
		tok, err := x.token()
		if err == nil {
			err = x.single(f, tok)
		}
		if err != nil {
			// The index belongs to the field's own name, which the caller adds.
			err.path = append(err.path, "["+strconv.Itoa(i)+"]")
			return err
		}
	}
	_, err = x.token()
	return err
}

// single checks one value that begins with tok.
func (x *explainer) single(f *field, tok json.Token) *BodyError {
	if f.kind == kindMessage {
		if tok != json.Delim('{') {
			return x.wrong("want an object, have %s", describe(tok))
		}
		return x.object(f.msg)
	}
	if _, ok := tok.(json.Delim); ok {
		return x.wrong("want %s, have %s", f.kind.json(), describe(tok))
	}
	if what := f.kind.checkJSON(tok); what != "" {
		return x.wrong("%s", what)
	}
	return nil
}

// object checks the fields of an object whose bracket has been read.
func (x *explainer) object(m *message) *BodyError {
	for x.dec.More() {
		tok, err := x.token()
		if err != nil {
			return err
		}
		name, _ := tok.(string)
		f := m.byJSON[name]
		if f == nil {
			if err := x.skip(); err != nil {
				err.path = append(err.path, name)
				return err
			}
			continue
		}
		if err := x.value(f); err != nil {
			if n := len(err.path); n > 0 && strings.HasPrefix(err.path[n-1], "[") {
				err.path[n-1] = name + err.path[n-1]
			} else {
				err.path = append(err.path, name)
			}
			return err
		}
	}
	_, err := x.token()
	return err
}

// skip passes over the value of an unknown field.
func (x *explainer) skip() *BodyError {
	for depth := 0; ; {
		tok, err := x.token()
		if err != nil {
			return err
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// json names what a kind looks like in JSON.
func (k kind) json() string {
	switch k {
	case kindBool:
		return "true or false"
	case kindString:
		return "a string"
	case kindBytes:
		return "a base64 string"
	case kindTraceID, kindSpanID:
		return "a hex string"
	case kindEnum:
		return "a number or a name"
	}
	return "a number"
}

// checkJSON says what is wrong with a scalar, or nothing.
func (k kind) checkJSON(tok json.Token) string {
	want := fmt.Sprintf("want %s, have %s", k.json(), describe(tok))
	str, isString := tok.(string)
	number, isNumber := tok.(json.Number)
	switch k {
	case kindBool:
		if _, ok := tok.(bool); !ok {
			return want
		}
	case kindString:
		if !isString {
			return want
		}
	case kindBytes:
		if _, err := base64.StdEncoding.DecodeString(str); !isString || err != nil {
			return want
		}
	case kindTraceID, kindSpanID:
		size := 16
		if k == kindSpanID {
			size = 8
		}
		if !isString {
			return want
		}
		if id, err := hex.DecodeString(str); str != "" && (err != nil || len(id) != size) {
			return fmt.Sprintf("want %d hex digits, have %s", 2*size, describe(tok))
		}
	case kindEnum:
		if !isString && !isNumber {
			return want
		}
	default:
		if isString {
			number = json.Number(str)
		}
		if _, err := number.Float64(); err != nil {
			return want
		}
	}
	return ""
}

// describe shows a token in a message.
func describe(tok json.Token) string {
	switch t := tok.(type) {
	case json.Delim:
		if t == '{' || t == '}' {
			return "an object"
		}
		return "an array"
	case string:
		return fmt.Sprintf("%.60q", t)
	case nil:
		return "null"
	}
	return fmt.Sprintf("%.60v", tok)
}
