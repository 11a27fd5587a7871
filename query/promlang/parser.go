package promlang

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"
)

// Parser parses PromQL with all of the language that is optional in Prometheus. It is safe for concurrent use.
func Parser() parser.Parser {
	return boundedParser{parser.NewParser(parser.Options{
		EnableExperimentalFunctions: true, ExperimentalDurationExpr: true, EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
	})}
}

// boundedParser refuses expressions that are too long to be parsed in a moment. Selectors have no depth, and need no bound.
type boundedParser struct{ parser.Parser }

// ParseExpr implements parser.Parser. An expression that is too long is a parser.ParseErrors, as everything that is wrong with one.
func (p boundedParser) ParseExpr(text string) (parser.Expr, error) {
	lexer := parser.Lex(text)
	var item parser.Item
	for n := 0; ; n++ {
		lexer.NextItem(&item)
		if item.Typ == parser.EOF || item.Typ == parser.ERROR {
			return p.Parser.ParseExpr(text)
		}
		if n == tokensMax {
			// What the error quotes is where the expression becomes too long, not all of it.
			return nil, parser.ParseErrors{{
				PositionRange: posrange.PositionRange{Start: item.Pos, End: item.Pos + posrange.Pos(len(item.Val))},
				Err:           fmt.Errorf("the expression is too long: more than %d names, numbers, strings and operators", tokensMax),
				Query:         text,
			}}
		}
	}
}
