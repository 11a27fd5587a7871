//go:build !ui

package ui

import "io/fs"

// dist is nil: this clew was built without the application.
func dist() fs.FS { return nil }
