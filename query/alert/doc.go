// Package alert evaluates rules on metrics, logs and spans, and remembers which alerts are active.
//
// A rule's value is a vector: PromQL's, or how many records of a window match, by some of their fields. From there on all are alike. A vector's
// members become alerts, which are pending until they have been there for as long as the rule says, then fire, and are resolved once they are gone
// (active.go; the steps are Prometheus', and a test holds them against Prometheus' own). Rules that record, and the states of alerts, are
// written back as metrics.
//
// What is active is on disk before anyone is told of it (state.go). So a process that is killed neither forgets a resolve nor pages twice: its
// successor, who may be another process, sends what it finds, with the times that it had. A question that cannot be answered in full changes nothing: an alert is
// not resolved because a disk was damaged, nor because clew was away (Group.since).
//
// Every alert that fires carries evidence: example records, and ids of traces.
package alert
