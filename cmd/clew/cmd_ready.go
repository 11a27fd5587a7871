package main

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func newReadyCommand() *cobra.Command {
	var f clientFlags
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "ready [flags]",
		Short: "Ask a clew whether it is ready, as health checks do",
		Long: `Ask /readyz of a clew, which wants no credentials. A container without a shell and curl is asked in this way whether it is healthy.

Exit codes: 0 it is ready, 2 it is not, or could not be asked in time; then it is printed why.`,
		Example: `  clew ready
  clew ready --server https://clew.internal:7400 --tls-ca ca.pem --timeout 2s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			c, err := f.client()
			if err != nil {
				return err
			}
			body, err := c.open(ctx, "/readyz", url.Values{})
			if err != nil {
				return err
			}
			return body.Close()
		},
	}
	f.registerServer(cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 4*time.Second, "how long to wait for the answer")
	return cmd
}
