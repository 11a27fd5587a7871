package lang

// Expr is a query: *And, *Or, *Not, *Match or Everything. Trees are immutable once built.
type Expr interface {
	// String is the canonical text; Parse gives the same tree for it.
	String() string
	write(w *writer, level precedence)
}

// Everything matches every record. It is the tree of an empty query, and stands only at the root or is folded away.
type Everything struct{}

// And matches what all its terms (two or more, none of them an *And) match.
type And struct{ Terms []Expr }

// Or matches what any of its terms (two or more, none of them an *Or) matches.
type Or struct{ Terms []Expr }

// Not matches what Term (not a *Not) does not match.
type Not struct{ Term Expr }

// Match is a leaf: what must hold of a field.
type Match struct {
	Field string // as written; "" means the signal's text fields, "any" every field
	Op    Op
	Value Value
	// Pos and End are where the leaf stands in the query's text, for errors. They are not part of its identity.
	Pos, End int
}

// Op is how a leaf compares.
type Op uint8

// The operators.
const (
	OpMatch        Op = iota // field:value, and a value alone
	OpEqual                  // field=value: the whole value, as it is
	OpNotEqual               // field!=value: has the field, with another value
	OpLess                   // field<value
	OpLessEqual              // field<=value
	OpGreater                // field>value
	OpGreaterEqual           // field>=value
)

func (o Op) String() string {
	return [...]string{":", "=", "!=", "<", "<=", ">", ">="}[min(int(o), 6)]
}

// Form is what kind of pattern a value is.
type Form uint8

// The forms. Operators other than OpMatch take FormText only.
const (
	FormText   Form = iota // a word, or "a phrase": Text as meant, escapes removed
	FormGlob               // conn*: * is any run, ? any one character, \ makes the next character literal
	FormRegex              // /re/ or /re/i: RE2
	FormFuzzy              // word~ or word~2: Text within Distance edits
	FormExists             // *: any value
)

// Value is what a leaf compares with.
type Value struct {
	Form     Form
	Text     string
	Fold     bool // FormRegex: case-insensitive
	Distance int  // FormFuzzy: 1 or 2
}

// Conj joins terms by AND: nested Ands become one, Everything vanishes.
func Conj(terms ...Expr) Expr {
	flat := make([]Expr, 0, len(terms))
	for _, t := range terms {
		switch t := t.(type) {
		case *And:
			flat = append(flat, t.Terms...)
		case Everything:
		default:
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return Everything{}
	case 1:
		return flat[0]
	}
	return &And{Terms: flat}
}

// Disj joins terms by OR: nested Ors become one, Everything swallows the others. Without terms it matches nothing.
func Disj(terms ...Expr) Expr {
	flat := make([]Expr, 0, len(terms))
	for _, t := range terms {
		switch t := t.(type) {
		case *Or:
			flat = append(flat, t.Terms...)
		case Everything:
			return t
		default:
			flat = append(flat, t)
		}
	}
	switch len(flat) {
	case 0:
		return Neg(Everything{})
	case 1:
		return flat[0]
	}
	return &Or{Terms: flat}
}

// Neg negates; two negations cancel.
func Neg(term Expr) Expr {
	if n, ok := term.(*Not); ok {
		return n.Term
	}
	return &Not{Term: term}
}

// Walk calls f for every leaf, left to right.
func Walk(e Expr, f func(*Match)) {
	switch e := e.(type) {
	case *And:
		for _, t := range e.Terms {
			Walk(t, f)
		}
	case *Or:
		for _, t := range e.Terms {
			Walk(t, f)
		}
	case *Not:
		Walk(e.Term, f)
	case *Match:
		f(e)
	}
}
