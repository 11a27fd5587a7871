// Package question says what a leaf of a query asks of a column's values: which fields its name means ([Field]), and for each type of column a [Test], with what is
// known beforehand of every value that meets it, so that most need not be looked at: literals, pieces of words ([Clause]), the only value that
// can. It knows templates of texts, but no parts and no rows.
package question
