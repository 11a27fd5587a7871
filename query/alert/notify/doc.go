// Package notify hands alerts to Alertmanagers that run elsewhere, each by its URL.
//
// Each has a queue of its own: the newest word on each alert that it has not taken yet, on disk before Send returns, so that the end of an alert is told though
// clew was killed, or the Alertmanager was away for a night. Deliveries are tried again, with growing pauses, until they are taken or pointless; what is dropped is
// counted by reason.
package notify
