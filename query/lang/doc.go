// Package lang is clew's search language: text in, a small tree out.
//
// A query is leaves joined by AND (words side by side), OR, NOT (or '-') and parentheses. A leaf says what must hold of a field:
//
//	service:checkout severity>=warn "connection timeout" duration>200ms -path:health*
//
// The package knows the language's form only: which text is which tree, where an error is and what would be right there. What a
// field is, and what a value means in it, is the engine's (docs/query-language.md tells it to users).
//
// [Parse] never panics, whatever it is given, and bounds depth and size (limits.go). Every tree has one canonical text
// ([Expr].String) that parses back to the same tree; caches, links and logs use that.
package lang
