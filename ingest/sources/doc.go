// Package sources tells what is new in a shard's log from what was sent again: whole batches by their source and number ([Known]), and spans by themselves
// ([Spans]), since a sender that does not number its batches repeats them too.
package sources
