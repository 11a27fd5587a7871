package spool

// spoolSegmentsMax bounds the local segments, each of which holds two files open and is a part of every answer.
const spoolSegmentsMax = 2000
