// Package automaton runs regular expressions over coded texts: templates and their variables, which are never put together.
//
// An expression becomes a deterministic automaton, whose states are made when they are first met. A template's own bytes take every
// row of it from one state to the next, so they are walked once, not once a row; a variable whose content cannot change the outcome (the
// automaton forgets it in the bytes behind) is never looked at. What is left of most expressions is a look at one short variable.
//
// The automaton knows ASCII, and all other characters as one. Where an expression tells those apart it answers [Unsure]: the caller then
// rebuilds the text and asks the regexp package.
package automaton
