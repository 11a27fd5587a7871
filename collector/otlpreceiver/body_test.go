package otlpreceiver

import (
	"testing"
	"time"
)

// A sender that leaves while its message is handled must not have its buffer given to another request.
func TestBodyOutlivesSender(t *testing.T) {
	in := &grpcBody{ticket: (&admission{max: 10}).ticket(), body: newBody()}
	in.body.bytes = append(in.body.bytes, "message"...)
	if !in.begin() {
		t.Fatal("the first handler was told that the sender has left")
	}
	left := make(chan bool)
	go func() { left <- in.leave() }()
	select {
	case <-left:
		t.Fatal("the buffer was given back while the handler reads it")
	case <-time.After(50 * time.Millisecond):
	}
	if string(in.body.bytes) != "message" {
		t.Errorf("body %q", in.body.bytes)
	}
	in.end()
	if !<-left {
		t.Error("the handler was not seen")
	}
	if in.body.loan != nil || in.begin() {
		t.Error("a handler that begins late may use what is no longer its own")
	}
}
