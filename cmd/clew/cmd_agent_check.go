package main

import (
	"context"
	"fmt"
	"io"

	"clew/agents"
	"clew/agents/host"
)

// printCheck says what the agent would collect.
func (o *agentOptions) printCheck(ctx context.Context, out io.Writer, agent *agents.Agent, composed *agents.Composed, h host.Host) error {
	report := agents.Survey(ctx, o.Config, composed, h)
	if err := agent.Validate(ctx); err != nil {
		report.Fatal = append(report.Fatal, fmt.Sprintf("configuration: %v", err))
	}
	if _, err := io.WriteString(out, report.Text()); err != nil {
		return err
	}
	switch {
	case len(report.Fatal) > 0:
		return exitCode(exitError)
	case len(report.Warnings) > 0:
		return exitCode(exitNothing)
	}
	return nil
}
