// Package compact says which segments to merge, and makes parts of parts: without some of their rows, or without repetitions. It reads and writes no
// objects of its own; ingest runs it, and segment.Write does the merging.
//
// A busy shard seals segments of a million records, and they are never rewritten. A quiet one seals a handful of records every
// quarter of an hour, and a process with many quiet tenants has thousands of files with next to nothing in them. Those are merged:
//
//   - only segments smaller than a row group ([RowsSmall], [BytesSmall]) of one shard, signal and tenant;
//   - only within one window of time ([Window]), a small part of how long the records are kept, so that retention, which removes whole segments,
//     keeps no record much longer than it would have;
//   - while the window is open only [FanIn] freshly sealed ones at a time; once it is closed all that are small, once.
//
// Metrics of a window that has ended are then down-sampled ([PlanSampling]); what comes into it later is by itself, as a window is one of arrival.
//
// Each segment carries the level of its records: how often they have been rewritten. A merge has one level more than its inputs, and what is at
// [LevelMax] is left alone, so that no record is written more than 1+LevelMax times whatever comes. In the usual life of a quiet shard it is 2: sealed,
// and merged when its window closes.
package compact
