package shardlog

// MessageVersion is the newest version of messages that this program reads.
const MessageVersion = messageVersion

// SetWrites makes messages be written in a version that all who read them know. A log on servers elsewhere begins with the oldest that is written at all.
func (c *client) SetWrites(version int) { c.stamped.Store(version >= messageVersionStamped) }
