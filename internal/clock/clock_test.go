package clock

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestSet(t *testing.T) {
	defer offset.Store(0)
	if _, err := Set("-90m"); err != nil || Offset() != -90*time.Minute {
		t.Fatalf("offset %v, error %v", Offset(), err)
	}
	if ahead := time.Since(Now()); ahead < 90*time.Minute || ahead > 91*time.Minute {
		t.Errorf("the clock is behind by %v", ahead)
	}
	for _, wrong := range []string{"soon", "/does/not/exist"} {
		if _, err := Set(wrong); err == nil {
			t.Errorf("%q: no error", wrong)
		}
	}
}

// A clock jumps while the process runs.
func TestFollow(t *testing.T) {
	defer offset.Store(0)
	file := filepath.Join(t.TempDir(), "offset")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0s\n")
	follow, err := Set(file)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		go follow(t.Context())
		write("2h")
		time.Sleep(followEvery + time.Millisecond)
		if Offset() != 2*time.Hour {
			t.Errorf("offset %v", Offset())
		}
		write("") // being written
		time.Sleep(followEvery)
		if Offset() != 2*time.Hour {
			t.Errorf("offset %v after an empty file", Offset())
		}
	})
}
