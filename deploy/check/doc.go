// Package check tests what people deploy clew with, by the libraries of the tools that will read it: Helm lints and renders the chart, the API types of Kubernetes read the
// result, compose-go reads the compose files, BuildKit the Dockerfiles, systemd-analyze the units and nats-server its configuration. Every clew.yaml in them is given to
// `clew config check`, and every flag is one that the program has.
//
// It is a module of its own: those libraries are no part of clew.
package check
