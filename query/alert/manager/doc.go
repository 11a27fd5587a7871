// Package manager is the Alertmanager that is embedded: Prometheus' own routing, grouping, inhibition, silences and receivers, under /alertmanager of clew's port.
//
// What decides is Prometheus' code, and alertmanager.yml its file. What is ours is how long things are remembered. The stock Alertmanager holds alerts in memory only
// and writes silences and what was notified every 15 minutes; killed, it forgets that it has paged. Here each is in a journal of its own (notify/journal), fsynced
//
//   - an alert when it begins, changes or ends, before its sender learns that it was taken (alerts.go);
//   - a silence before whoever set it is answered, and a notification right after its receiver took it (remembered.go).
//
// So a process that is killed goes on where it was: groups are whole from the first moment, nobody is paged again for what they know, and an end that nobody was told
// of is told. One gap is left that no order of writes closes: killed between a receiver's answer and the fsync that follows, a few milliseconds, it notifies
// again. The other order would lose pages.
//
// The time during which clew was down does not count: an alert that was active goes on being active for as long as its sender had said when it was last heard of.
package manager
