package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"clew/internal/access"
)

func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make tokens, which say who may ask and send",
		Long: `Make tokens. The configuration holds the hash of a token (access.tokens), never the token itself: whoever reads it cannot use it.
See docs/security.md.`,
		Example: `  clew token new --name ci --role write --tenant shop
  clew token hash < token-file        # the hash of a token that there is already`,
	}
	cmd.AddCommand(newTokenNewCommand(), &cobra.Command{
		Use:     "hash",
		Short:   "Print the hash of a token, which is read from the standard input",
		Example: `  clew token hash < /etc/clew/token`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 16<<10)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read the token: %w", err)
			}
			token := strings.TrimSpace(line)
			const lettersMin = 32 // its hash is fast: what people think of is guessed from it
			if len(token) < lettersMin {
				return fmt.Errorf("the token has %d letters: want %d random ones at least, such as `clew token new` makes", len(token), lettersMin)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), access.HashToken(token))
			return err
		},
	})
	return cmd
}

func newTokenNewCommand() *cobra.Command {
	var name, role, expires string
	var tenants []string
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a token: print it once, and what the configuration needs of it",
		Long: `Make a token. It is printed on the standard output, and nowhere kept; the lines for the configuration file go to the standard error output,
so that a script can have the one and a person read the other.`,
		Example: `  clew token new --name ci --role write --tenant shop
  clew token new --name grafana --role read --tenant '*' > grafana.token
  clew token new --name agents --role write --expires 2027-06-30 > /etc/clew/token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, hash := access.NewToken()
			cfg := access.DefaultConfig()
			cfg.Tokens = []access.Token{{Name: name, Hash: hash, Role: access.Role(role), Tenants: tenants, Expires: expires}}
			if errs := cfg.Validate(); len(errs) > 0 {
				return errors.Join(errs...)
			}
			list := make([]string, len(tenants))
			for i, t := range tenants {
				list[i] = fmt.Sprintf("%q", t)
			}
			words := cmd.ErrOrStderr()
			fmt.Fprintf(words, "# into clew.yaml; SIGHUP makes clew read it\naccess:\n  tokens:\n    - name: %q\n      hash: %s\n      role: %s\n      tenants: [%s]\n", name, hash, role, strings.Join(list, ", "))
			if expires != "" {
				fmt.Fprintf(words, "      expires: %q\n", expires)
			}
			fmt.Fprintln(words, "# the token, which is shown this once:")
			_, err := fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "token", "`name` by which the audit log knows it")
	f.StringVar(&role, "role", "read", "read, write (send telemetry) or admin")
	f.StringSliceVar(&tenants, "tenant", []string{"default"}, "tenants, or '*' for all")
	f.StringVar(&expires, "expires", "", "day or time when it ends, such as 2027-06-30; default: never")
	return cmd
}
