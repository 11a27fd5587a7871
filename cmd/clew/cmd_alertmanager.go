package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"clew/query/alert/manager"
)

func newAlertmanagerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alertmanager",
		Short: "Check configurations of the embedded Alertmanager",
		Long: `Check configurations of the embedded Alertmanager, which tells people of alerts; see docs/alerting.md. Alerts and silences are listed and set by
Prometheus' own amtool.`,
		Example: `  clew alertmanager check alertmanager.yml
  amtool --alertmanager.url=http://127.0.0.1:7400/alertmanager alert
  amtool --alertmanager.url=http://127.0.0.1:7400/alertmanager silence add service=payment --duration=2h --comment='acquirer is down, they know'`,
	}
	cmd.AddCommand(newAlertmanagerCheckCommand())
	return cmd
}

func newAlertmanagerCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with alertmanager.yml",
		Long: `Say what is wrong with files for clew run --alertmanager-config, a line each: file:line: what; what would be right. Templates, in the file and beside it, are read too.
Exit codes: 0 all is well, 1 something is wrong, 2 a file cannot be read.`,
		Example: `  clew alertmanager check alertmanager.yml
  clew alertmanager check alertmanager.yml && kill -HUP $(pidof clew)`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			wrong := false
			for _, file := range files {
				if _, err := os.Stat(file); err != nil {
					return err
				}
				s, err := manager.Summarize(file)
				if err != nil {
					fmt.Fprintln(cmd.OutOrStdout(), err)
					wrong = true
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d receivers with %d integrations, %d routes, %d inhibitions, %d time intervals, %d globs of templates\n",
					file, s.Receivers, s.Integrations, s.Routes, s.InhibitRules, s.TimeIntervals, s.Templates)
			}
			if wrong {
				return exitCode(exitNothing)
			}
			return nil
		},
	}
}
