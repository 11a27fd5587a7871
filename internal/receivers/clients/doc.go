// Package clients sends to clew with the client libraries that others made for other backends, and asks whether what they sent is found, with the
// same values. It is a module of its own, because these libraries are nothing that clew needs: go test ./... in this directory.
package clients
