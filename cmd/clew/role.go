package main

import (
	"fmt"
	"slices"
	"strings"
)

// Roles are what a process does. Without servers of NATS elsewhere it does all: the log is within it.
type Roles []string

const (
	roleCollector = "collector" // takes telemetry in and appends it to the log
	roleIngest    = "ingest"    // owns shards: makes segments of the log, and answers for what is not in them yet
	roleQuery     = "query"     // answers: UI, API, rules, alerts
)

// allRoles are the roles in the order of the data's way.
var allRoles = Roles{roleCollector, roleIngest, roleQuery}

// has says whether a role is among them.
func (r Roles) has(role string) bool { return slices.Contains(r, role) }

// validate says what is wrong with roles; embedded: the log is within the process.
func (r Roles) validate(embedded bool) error {
	seen := map[string]bool{}
	for _, role := range r {
		if !allRoles.has(role) {
			return fmt.Errorf("%q: want %s", role, strings.Join(allRoles, ", "))
		}
		if seen[role] {
			return fmt.Errorf("%s: given twice", role)
		}
		seen[role] = true
	}
	switch {
	case len(r) == 0:
		return fmt.Errorf("none: want one or more of %s", strings.Join(allRoles, ", "))
	case embedded && len(r) < len(allRoles):
		return fmt.Errorf("%s: a process that does not do everything shares the log with others: say where NATS runs (nats.urls, --nats)", strings.Join(r, ", "))
	}
	return nil
}
