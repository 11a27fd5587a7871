package quota

import "time"

const (
	// window is how long a service or series counts that is not sent any more (up to twice as long): about what a deployment takes to be over.
	window = time.Hour

	// tenantsMax bounds the tenants that are counted apart, about 500 bytes each without their sets. The header is the sender's
	// to choose.
	tenantsMax = 10_000

	// labelsMax bounds the tenants that metrics and status name.
	labelsMax = 100

	// otherTenants stands for those beyond the bounds. It is no valid tenant's name.
	otherTenants = "(other)"

	// burstSeconds is the default burst: exporters send every few seconds, and what an agent kept while it could not send comes at once.
	burstSeconds = 10
)
