package members

import (
	"encoding/json"
	"testing"
	"time"
)

// TestAgreement: a version is written when everybody has read it for a while, is taken back at once, and is not taken up by who is cut off.
func TestAgreement(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	older := Member{Name: "old"} // says nothing of formats
	newer := Member{Name: "new", Reads: Formats{FormatMessage: 3, FormatCommit: 5}, Writes: Formats{FormatMessage: 2, FormatCommit: 4}}
	writer := newer
	writer.Writes = Formats{FormatMessage: 3, FormatCommit: 5}
	a := NewAgreement(newer.Reads, false)
	for i, step := range []struct {
		after   time.Duration
		others  []Member
		hearing bool
		want    int
	}{
		{0, []Member{newer, older}, true, 2},
		{time.Hour, []Member{newer, older}, true, 2},
		{time.Second, nil, false, 2},                       // cut off: nobody is heard, the old one may be there
		{time.Hour, nil, false, 2},                         //
		{time.Second, []Member{newer}, true, 2},            // the old one is restarted
		{formatsHold / 2, []Member{newer, older}, true, 2}, // it is old still
		{time.Second, []Member{newer}, true, 2},
		{formatsHold - time.Second, []Member{newer}, true, 2},
		{2 * time.Second, []Member{newer}, true, 3}, // it is gone for good
		{time.Hour, nil, false, 3},                  // cut off, with nobody old before
		{time.Second, []Member{newer, older}, true, 2},
		{time.Second, []Member{writer, older}, true, 2}, // another has not heard of it yet
		{time.Second, []Member{writer}, true, 3},        // somebody writes it: no need to wait
	} {
		now = now.Add(step.after)
		if have := a.Update(now, step.others, step.hearing)[FormatMessage]; have != step.want {
			t.Fatalf("step %d: writes version %d, want %d", i, have, step.want)
		}
	}
	if have := NewAgreement(newer.Reads, true).Update(now, nil, false); have[FormatMessage] != 3 || have[FormatCommit] != 5 {
		t.Errorf("one that is alone writes %v", have)
	}
	// One that knows more than this one is no reason to write it.
	newest := Member{Reads: Formats{FormatMessage: 9}, Writes: Formats{FormatMessage: 9}}
	if have := NewAgreement(newer.Reads, false).Update(now, []Member{newest}, true)[FormatMessage]; have != 3 {
		t.Errorf("beside a newer one it writes %d, want 3", have)
	}
}

// TestMemberOfBefore: what a version said that knew no formats is read, and it reads what this one says.
func TestMemberOfBefore(t *testing.T) {
	var m Member
	if err := json.Unmarshal([]byte(`{"form":1,"id":"x","name":"a","roles":["ingest"],"version":"v","ready":true,"able":true,"shards":[{"shard":0,"epoch":1}],"sequence":5}`), &m); err != nil || m.Reads != nil || m.Writes != nil {
		t.Errorf("%+v, %v", m, err)
	}
}
