// Package downsample makes segments of metrics coarser: of points every few seconds one row of windows of five minutes, of those one of hours.
//
// A down-sampled row is a row like any other, with fewer points, so that whatever reads metrics reads it; and beside the points, where they would not say it,
// the section points.SectionWindows has what there was in each window. A window ends at a full multiple of its width, which belongs to it, as times
// do to PromQL's ranges; so where a range is made of whole windows, the answer is that of the points.
//
//   - Of a gauge the last point of each window stays, and the window has count, sum, minimum and maximum.
//   - Of a counter, be it a number, a histogram or a summary, the last point of each window stays, and besides the points before and after each reset, and the first
//     of all. What stays are points that were, with their own times: rate and increase see every reset, and over whole windows they are what they were. The window has a count.
//   - Deltas are summed: one point for each window, at its last one's time. What clew counts itself (points.ChunkCounts) gets wider buckets.
//   - A marker of the series' end stays if nothing follows it in its window. Of a window's exemplars the last one stays.
//
// Nothing here depends on what else is in the window. What comes late is down-sampled by itself later, and is one more row: kept points of both are points of the
// series, deltas are summed as ever, and windows' counts, sums, minima and maxima are merged by who reads them.
//
// The package is pure: ingest says what to sample (index/compact plans it), writes and commits it.
package downsample
