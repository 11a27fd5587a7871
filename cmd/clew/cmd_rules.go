package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clew/query/alert/rulefile"
	"clew/query/alert/ruletest"
)

func newRulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check, test and try alerting and recording rules",
		Long: `Check, test and try alerting and recording rules.

Rule files are Prometheus', in which a rule may also count log records or spans (lang: logs, lang: spans); see docs/rules.md.
clew run --rules FILE evaluates them.`,
		Example: `  clew rules check deploy/rules
  clew rules test deploy/rules/*_test.yml
  clew rules backtest payment.yml --since 7d`,
	}
	cmd.AddCommand(newRulesCheckCommand(), newRulesTestCommand(), newRulesBacktestCommand())
	return cmd
}

func newRulesCheckCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check FILE|DIR|GLOB...",
		Short: "Say everything that is wrong with rule files",
		Long: `Say everything that is wrong with rule files, a line each: file:line:column: what; what would be right.
Exit codes: 0 all is well, 1 something is wrong, 2 nothing could be checked.`,
		Example: `  clew rules check payment.yml
  clew rules check /etc/clew/rules 'more/*.yaml'
  clew rules check -q rules && git push`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, problems := rulefile.Find(args)
			if len(names) == 0 && len(problems) > 0 {
				return problems
			}
			files, wrong := rulefile.Load(names)
			problems = append(problems, wrong...)
			for _, p := range problems {
				fmt.Fprintln(cmd.OutOrStdout(), p.Error())
			}
			if !quiet {
				for _, f := range files {
					rules := 0
					for i := range f.Groups {
						rules += len(f.Groups[i].Rules)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %d groups, %d rules\n", f.Name, len(f.Groups), rules)
				}
			}
			if len(problems) > 0 {
				return exitCode(exitNothing)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "say nothing of files without problems")
	return cmd
}

type rulesTestOptions struct{ json, verbose bool }

func newRulesTestCommand() *cobra.Command {
	var o rulesTestOptions
	cmd := &cobra.Command{
		Use:   "test FILE|DIR...",
		Short: "Run unit tests of rules",
		Long: `Run unit tests of rules: promtool's files, with log records and traces as further input; see docs/rules.md. Of a directory, *_test.yml and
*_test.yaml are run.
Exit codes: 0 all tests pass, 1 a test fails, 2 something could not be tested.`,
		Example: `  clew rules test payment_test.yml
  clew rules test deploy/rules
  clew rules test --json deploy/rules | jq 'select(.failures)'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print an object for each test")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "print tests that pass too")
	return cmd
}

func (o *rulesTestOptions) run(cmd *cobra.Command, args []string) error {
	files, err := testFiles(args)
	if err != nil {
		return err
	}
	passed, failed := 0, 0
	var broken []error
	for _, file := range files {
		results, err := ruletest.Run(cmd.Context(), file)
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			broken = append(broken, err)
			continue
		}
		for i := range results {
			if len(results[i].Failures) > 0 {
				failed++
			} else {
				passed++
			}
			if err := o.print(cmd, &results[i]); err != nil {
				return err
			}
		}
	}
	if !o.json {
		fmt.Fprintf(cmd.OutOrStdout(), "%d tests pass, %d fail\n", passed, failed)
	}
	switch {
	case len(broken) > 0:
		return errors.Join(broken...)
	case failed > 0:
		return exitCode(exitNothing)
	}
	return nil
}

func (o *rulesTestOptions) print(cmd *cobra.Command, r *ruletest.Result) error {
	w := cmd.OutOrStdout()
	if o.json {
		return json.NewEncoder(w).Encode(struct {
			File     string   `json:"file"`
			Name     string   `json:"name"`
			Failures []string `json:"failures,omitempty"`
			TookMS   int64    `json:"took_ms"`
		}{r.File, r.Name, r.Failures, r.Took.Milliseconds()})
	}
	if len(r.Failures) == 0 {
		if o.verbose {
			fmt.Fprintf(w, "pass %s: %s (%v)\n", r.File, r.Name, r.Took.Round(time.Millisecond))
		}
		return nil
	}
	fmt.Fprintf(w, "FAIL %s: %s\n", r.Place, r.Name)
	for _, f := range r.Failures {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(f, "\n", "\n  "))
	}
	return nil
}

// testFiles are the files that are named, and those of tests in the directories that are.
func testFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yml" || ext == ".yaml") && rulefile.IsTest(e.Name()) {
				files = append(files, filepath.Join(arg, e.Name()))
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no tests in %s: want files such as hosts_test.yml", strings.Join(args, ", "))
	}
	return files, nil
}

type rulesBacktestOptions struct {
	clientFlags
	timeRange
	json     bool
	examples int
}

func newRulesBacktestCommand() *cobra.Command {
	var o rulesBacktestOptions
	cmd := &cobra.Command{
		Use:   "backtest FILE",
		Short: "Say what rules would have done to real history",
		Long: `Say what the rules of a file would have done to the history that a running clew has: how often each would have fired, when, for how long, and the
records that show why. The server evaluates; nothing is recorded, nobody is told. Evaluations are at multiples of each group's interval.
Exit codes: 0 something would have fired, 1 nothing would have, 2 error.`,
		Example: `  clew rules backtest payment.yml --since 7d
  clew rules backtest payment.yml --since 2026-11-20 --until 2026-11-21 --examples 3
  clew rules backtest payment.yml --since 24h --json | jq '.rules[] | {name, fired}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, args[0]) },
	}
	o.clientFlags.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "24h", "from: a duration back from now (15m, 2h, 7d) or a time (RFC 3339, or 2026-01-31, or 2026-01-31 15:04)")
	f.StringVar(&o.until, "until", "", "up to: as --since; default: now")
	f.IntVar(&o.examples, "examples", 1, "records to print of each firing")
	f.BoolVar(&o.json, "json", false, "print the whole answer as JSON")
	return cmd
}

func (o *rulesBacktestOptions) run(ctx context.Context, cmd *cobra.Command, name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	// Here too, so that nobody waits for a server to learn of a typing mistake.
	if _, problems := rulefile.Parse(name, data); len(problems) > 0 {
		return problems
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	answer, err := o.ask(ctx, c, name, data)
	if err != nil {
		return err
	}
	fired := 0
	for i := range answer.Rules {
		fired += answer.Rules[i].Fired
	}
	if o.json {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(answer); err != nil {
			return err
		}
	} else {
		printBacktest(cmd.OutOrStdout(), answer, o.examples)
	}
	if fired == 0 {
		return exitCode(exitNothing)
	}
	return nil
}
