package access

import (
	"strconv"
	"testing"
	"time"
)

// What is remembered is bounded, ends with the token, and is whose it was.
func TestVerified(t *testing.T) {
	var v verified
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * verifiedMax {
		v.keep(strconv.Itoa(i), &Identity{Name: strconv.Itoa(i)}, now.Add(time.Minute), now)
	}
	found := 0
	for i := range 3 * verifiedMax {
		if id := v.find(strconv.Itoa(i), now); id != nil {
			found++
			if id.Name != strconv.Itoa(i) {
				t.Fatalf("token %d is %s's", i, id.Name)
			}
		}
	}
	if len(v.of) != verifiedMax || found != verifiedMax {
		t.Errorf("%d are remembered, %d found", len(v.of), found)
	}
	v.keep("new", &Identity{Name: "new"}, now.Add(time.Hour), now.Add(time.Minute))
	if len(v.of) != 1 || v.find("new", now.Add(59*time.Minute)) == nil {
		t.Errorf("those that have ended stay: %d", len(v.of))
	}
	if v.find("new", now.Add(time.Hour)) != nil || len(v.of) != 0 {
		t.Error("a token that has ended is taken")
	}
}
