// Package stored says what a part has of metrics as Prometheus sees it: which series, and where their points are.
//
// A row of a part has points of one series of OTLP, a [Base]. What PromQL sees of it are one or more [Series]: a gauge is one, a classic histogram one for each of its
// buckets, one of its counts and one of its sums. An [Index] is the series of a part by their labels. To make one, the part's vocabulary is translated once
// (a [Translator]), not each of its rows; a [Cache] keeps it while there is room. A part that still grows, a head, is translated further, not again ([Growing]).
//
// A [Reader] reads rows of a part for one query, and NumbersOf, MultiOf and NativesOf make points of them. They believe nothing that a row says of itself: what is damaged
// is an error, never a panic, and takes memory in proportion to its bytes.
//
// Rows that another process has read are the same as those of a segment here (package lent). What is asked of series, and how their rows become samples, is package metrics'.
package stored
