// Package shared is what alerting needs when several processes evaluate the same rules: turns, and a memory that all reach.
//
// Turns are leases (leases.go). A process that holds one evaluates its groups; the others wait, and show what the memory says. A lease alone does not stop a process that was
// paused and wakes up believing that it still has its turn. So the memory is fenced too (states.go): whoever takes a group over writes its state once, unchanged, and every
// later write of the process before finds that the state has moved on, and fails. As rules tell nobody of what they could not remember, that process tells nobody.
//
// The memory is a key-value bucket of NATS JetStream (store.go), which exists where leases do. What a group remembers is one key; so is each alert, silence and
// notification of the embedded Alertmanager, which merges what its siblings wrote: its state is made for that.
package shared
