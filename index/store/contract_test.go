package store_test

import (
	"path/filepath"
	"testing"

	"clew/index/store"
	"clew/index/store/storetest"
)

func openDir(t *testing.T) store.Store {
	t.Helper()
	d, err := store.OpenDir(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirContract(t *testing.T) { storetest.RunContract(t, openDir) }

// A Faulty with an empty script is the store itself.
func TestFaultyContract(t *testing.T) {
	storetest.RunContract(t, func(t *testing.T) store.Store { return store.NewFaulty(openDir(t)) })
}
