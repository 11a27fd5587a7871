package main

import "time"

// corpus is a signal's data: requests that are made while they are sent, the same for every run of the same size.
type corpus interface {
	// signal is the API's name of it, path where OTLP/HTTP takes it.
	signal() string
	path() string
	// next appends the next request to buf and says how many records are in it; 0: there are no more.
	next(buf []byte) (request []byte, records int)
	// queries are questions and their answers. They are known once everything has been made.
	queries() []query
	// firstQueries are questions for the first one after a restart.
	firstQueries() []query
}

// epoch is when the data begins. It is fixed, so that answers are; retention counts from the arrival of what is older.
var epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// seed is the bench's only one.
const seed = 1
