// Package faults breaks clusters of clew and tells what that cost. A run has real processes, each in a network namespace of its own: three NATS servers, two
// collectors, two ingest and two query processes, and an S3 server behind a relay. Senders number every record, repeat what is not acknowledged as OTLP wants it, and keep
// a record of their own of what was; readers ask all the while. Then something breaks. At the end everything is read back: a record that was acknowledged is there
// once, and an answer that lacked records had said so.
//
// Between the namespaces lies [Network], a switch of ours: packets pass through this process, which loses, delays or cuts them off in one direction or both. The kernels
// that the suite runs on need to know nothing but TUN devices. All of it is in namespaces of this process, so that nothing is left when it is killed.
//
// [Faults] are the faults, [Checker] is who sends, asks and reads back, and [Row] is what docs/reliability.md says of one run.
package faults
