package parts

import (
	"fmt"

	"clew/index/catalog"
)

// LostIn says what is known to be lost of the shards' logs that may have held records of the scope, a line for each shard; tenants and signals are not known of what
// is lost. What an administrator has accepted is not said any more. Whoever answers over a version of the catalog says it in the answer.
func LostIn(version *catalog.Version, scope Scope) []string {
	var said []string
	for _, shard := range version.Shards() {
		lost := version.Shard(shard).Lost
		line, more := "", 0
		for i := range lost {
			l := &lost[len(lost)-1-i] // the latest first
			switch {
			case !l.Accepted.IsZero() || !l.Overlaps(scope.From, scope.To):
			case line == "":
				line = fmt.Sprintf("shard %d: %s", shard, l)
			default:
				more++
			}
		}
		if more > 0 {
			line += fmt.Sprintf(", and %d times more", more)
		}
		if line != "" {
			said = append(said, line)
		}
	}
	return said
}
