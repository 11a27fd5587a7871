// Package promlang is PromQL as clew speaks it: one parser for what is asked, watched and tested, and an engine around Prometheus' own, both with bounds that
// Prometheus leaves to whoever writes the queries.
//
// Prometheus' engine counts the points that it holds while it evaluates. What comes before that is free: its parser takes time that grows with the square of a
// query's length and heeds no timeout, and a subquery is given room for all of its steps before the first is evaluated. So a query of a few dozen characters,
// max_over_time(vector(1)[1000d:1ms]), ends the process for want of memory. Both are refused here, before they begin.
package promlang
