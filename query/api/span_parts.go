package api

import (
	"encoding/json"
	"strconv"
	"time"
)

// The stored text of events and links (internal/telemetry/event.go) has names and numbers of its own; the answers have those of all records.

type storedEvent struct {
	Time              uint64                     `json:"time"`
	Name              string                     `json:"name"`
	Attributes        map[string]json.RawMessage `json:"attributes"`
	DroppedAttributes uint32                     `json:"dropped_attributes_count"`
}

type storedLink struct {
	TraceID           string                     `json:"trace_id"`
	SpanID            string                     `json:"span_id"`
	TraceState        string                     `json:"trace_state"`
	Flags             uint32                     `json:"flags"`
	Attributes        map[string]json.RawMessage `json:"attributes"`
	DroppedAttributes uint32                     `json:"dropped_attributes_count"`
}

// spanEvents reads the stored text of a span's events. What cannot be read, which only damage could make, is left out.
func spanEvents(text string) []SpanEvent {
	var stored []storedEvent
	if text == "" || json.Unmarshal([]byte(text), &stored) != nil {
		return nil
	}
	events := make([]SpanEvent, len(stored))
	for i, e := range stored {
		events[i] = SpanEvent{Name: e.Name, Attributes: exactMembers(e.Attributes), DroppedAttributes: e.DroppedAttributes}
		if e.Time != 0 {
			// Seconds apart: an event may state a time that does not fit a signed number of nanoseconds.
			events[i].Time = time.Unix(int64(e.Time/1e9), int64(e.Time%1e9)).UTC().Format(time.RFC3339Nano)
			events[i].TimeUnixNano = strconv.FormatUint(e.Time, 10)
		}
	}
	return events
}

// spanLinks reads the stored text of a span's links.
func spanLinks(text string) []SpanLink {
	var stored []storedLink
	if text == "" || json.Unmarshal([]byte(text), &stored) != nil {
		return nil
	}
	links := make([]SpanLink, len(stored))
	for i, l := range stored {
		links[i] = SpanLink{
			TraceID: l.TraceID, SpanID: l.SpanID, TraceState: l.TraceState, Flags: l.Flags,
			Attributes: exactMembers(l.Attributes), DroppedAttributes: l.DroppedAttributes,
		}
	}
	return links
}
