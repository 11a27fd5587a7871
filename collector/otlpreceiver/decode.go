package otlpreceiver

import (
	"fmt"

	"clew/collector/refusal"
)

// format of a body.
type format uint8

const (
	formatProto format = iota
	formatJSON
)

// decoder is what pdata's requests of all signals have.
type decoder interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

// decode reads a body into into. Before, it makes sure that this does no harm: see surveyProto and surveyJSON. The error is
// a *refusal.Error; its cause names the field.
func decode(body []byte, f format, request *message, into decoder, t *ticket) (err error) {
	unreadable := func(err error) error {
		return &refusal.Error{Kind: refusal.Invalid, Reason: "malformed", Err: fmt.Errorf("%s: %w", request.name, err)}
	}
	// The decoders are not ours. One that fails on a body must not take the process with it.
	defer func() {
		if p := recover(); p != nil {
			err = unreadable(fmt.Errorf("decoder: %v", p))
		}
	}()
	var s survey
	if f == formatJSON {
		s, err = surveyJSON(body)
	} else {
		s, err = surveyProto(body, request)
	}
	if err != nil {
		if f == formatJSON {
			if at := explainJSON(body, request); at != nil {
				err = at
			}
		}
		return unreadable(err)
	}
	if err := t.need(int64(len(body) + s.decoded)); err != nil {
		return err
	}
	if f == formatProto {
		if err := into.UnmarshalProto(body); err != nil {
			return unreadable(err)
		}
		return nil
	}
	if err := into.UnmarshalJSON(body); err != nil {
		if at := explainJSON(body, request); at != nil {
			return unreadable(at)
		}
		return unreadable(err)
	}
	return nil
}
