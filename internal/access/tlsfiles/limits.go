package tlsfiles

import "time"

// lookEvery is how often files are looked at while connections are made. A certificate is renewed days before it ends.
const lookEvery = time.Second
