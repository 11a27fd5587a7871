//go:build ui

package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// dist is the built application.
func dist() fs.FS {
	sub, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // the name is valid
	}
	return sub
}
