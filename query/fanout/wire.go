package fanout

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow/go/v15/arrow/flight"

	"clew/query/engine"
	"clew/query/fanout/frame"
	"clew/query/lang"
	"clew/query/parts"
)

// ticket is what is asked: a question of some kind, and the share that it is about.
type ticket struct {
	Kind     string          `json:"kind"`
	Question json.RawMessage `json:"question"`
	Share    *parts.Share    `json:"share"`
}

// kindRecords is a question to the engine.
const kindRecords = "records"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode makes the bytes of a Flight ticket: a CRC32C, and JSON.
func (t *ticket) encode() ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	if len(text) > questionBytesMax {
		return nil, &engine.LimitError{What: "bytes of names of segments", Max: questionBytesMax, Hint: "narrow the time range"}
	}
	return append(binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(text)), crc32.Checksum(text, castagnoli)), text...), nil
}

// decodeTicket is the inverse of encode.
func decodeTicket(data []byte) (*ticket, error) {
	if len(data) < 4 || len(data) > questionBytesMax+4 || crc32.Checksum(data[4:], castagnoli) != binary.LittleEndian.Uint32(data) {
		return nil, &frame.DamageError{What: "a ticket whose checksum is wrong"}
	}
	t := &ticket{}
	if err := json.Unmarshal(data[4:], t); err != nil {
		return nil, &frame.DamageError{What: "a ticket: " + err.Error()}
	}
	if t.Share == nil {
		return nil, &frame.DamageError{What: "a ticket without a share"}
	}
	return t, nil
}

// note is the header of a message of an answer. A message has rows, or it is the last.
type note struct {
	Rows   string          `json:"rows,omitempty"` // what the table has
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  *wireError      `json:"error,omitempty"`
}

// message makes a message of a note and rows.
func message(n note, t frame.Table) (*flight.FlightData, error) {
	header, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	return frame.Encode(frame.Frame{Header: header, Table: t})
}

// isAlive says that a message says nothing but that its sender is at work.
func isAlive(d *flight.FlightData) bool {
	return len(d.GetAppMetadata()) == 0 && len(d.GetDataHeader()) == 0 && len(d.GetDataBody()) == 0
}

// wireError is an error that means something to who asks.
type wireError struct {
	Limit *engine.LimitError `json:"limit,omitempty"`
	Stale *parts.StaleError  `json:"stale,omitempty"`
	Owner *parts.OwnerError  `json:"owner,omitempty"`
	Lang  *lang.Error        `json:"lang,omitempty"`
	Busy  bool               `json:"busy,omitempty"`
	Text  string             `json:"text"`
}

func newWireError(err error) *wireError {
	w := &wireError{Text: err.Error(), Busy: errors.Is(err, engine.ErrBusy)}
	errors.As(err, &w.Limit)
	errors.As(err, &w.Stale)
	errors.As(err, &w.Owner)
	errors.As(err, &w.Lang)
	return w
}

// error is the error again.
func (w *wireError) error() error {
	switch {
	case w.Limit != nil:
		return w.Limit
	case w.Stale != nil:
		return w.Stale
	case w.Owner != nil:
		return w.Owner
	case w.Lang != nil:
		return w.Lang
	case w.Busy:
		return fmt.Errorf("%w: %s", engine.ErrBusy, w.Text)
	}
	return &toldError{w.Text}
}

// toldError is an error that a process told: it is there, and may answer other questions.
type toldError struct{ text string }

func (e *toldError) Error() string { return e.text }
