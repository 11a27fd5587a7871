package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration file, or print the whole configuration",
		Example: `  clew config check clew.yaml
  clew config print > clew.yaml      # every key with its default
  clew config print clew.yaml        # what clew would run with`,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "check FILE",
			Short: "Report every problem of a configuration file",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := LoadConfig(args[0])
				if err != nil {
					return err
				}
				if err := c.Validate(); err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is fine\n", args[0])
				return err
			},
		},
		&cobra.Command{
			Use:   "print [FILE]",
			Short: "Print the configuration: defaults, overridden by FILE",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				file := ""
				if len(args) > 0 {
					file = args[0]
				}
				c, err := LoadConfig(file)
				if err != nil {
					return err
				}
				if err := c.Validate(); err != nil {
					return err
				}
				text, err := c.YAML()
				if err != nil {
					return err
				}
				_, err = cmd.OutOrStdout().Write(text)
				return err
			},
		},
	)
	return cmd
}
