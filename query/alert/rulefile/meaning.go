package rulefile

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"go.yaml.in/yaml/v3"

	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/lang"
	"clew/query/parts"
)

// nothing is a source without records: what the engine says of a question to it is said of the question alone.
type nothing struct{}

func (nothing) View(context.Context, parts.Scope) (*parts.View, error) {
	return &parts.View{Release: func() {}}, nil
}

var checker = sync.OnceValue(func() *engine.Engine {
	return engine.New(nothing{}, engine.Limits{}, slog.New(slog.DiscardHandler))
})

// meaning asks the engine whether a search that can be parsed also means something: duration>fast does not.
func (p *reading) meaning(path string, n *yaml.Node, r *Rule) {
	_, err := checker().Count(context.Background(), engine.Request{Tenant: telemetry.DefaultTenant, Signal: r.Lang.Signal(), Query: r.Query})
	var wrong *lang.Error
	switch {
	case errors.As(err, &wrong):
		line, column := p.place(n, wrong.Pos)
		p.report(line, column, wrong.Hint, "%s: %s", path, wrong.Msg)
	case err != nil:
		p.at(n, "", "%s: %v", path, err)
	}
}
