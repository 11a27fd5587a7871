// Command clew follows requests through distributed systems: it takes in traces, logs and metrics, keeps them, and finds them again.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Exit codes, grep's: scripts tell "nothing matched" from "it did not work".
const (
	exitFound   = 0
	exitNothing = 1
	exitError   = 2
)

// exitCode is an outcome without words: everything there was to say has been said.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitFound
	case errors.As(err, &code):
		return int(code)
	case readerGone(err):
		return exitFound
	}
	fmt.Fprintf(os.Stderr, "clew: %v\n", err)
	return exitError
}

// readerGone says whether the one who reads our output has seen enough, as in `clew grep x | head`. A server which hangs up in the middle of a request (it wants a certificate, say) is
// the same error on a socket, and a failure.
func readerGone(err error) bool {
	var file *os.PathError
	return errors.As(err, &file) && file.Path == os.Stdout.Name() && errors.Is(file.Err, syscall.EPIPE)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "clew",
		Short: "Traces, logs and metrics in one binary",
		Long: `clew takes in traces, logs and metrics over OTLP, acknowledges only what is on disk, and finds it again by index.

Start it, point an app with an OpenTelemetry SDK at it, and ask:

  clew run &
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 my-app
  clew grep -i 'connection refused' --since 1h
  clew trace 4bf92f3577b34da6a3ce929d0e0e4736`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("clew {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newRunCommand(), newGrepCommand(), newTraceCommand(), newUsageCommand(), newHostsCommand(), newConfigCommand(), newDemoCommand(), newAgentCommand(), newVersionCommand())
	root.AddCommand(newCheckCommand(), newBackupCommand(), newRestoreCommand(), newDumpCommand(), newExportCommand())
	root.AddCommand(newDeleteCommand(), newRulesCommand(), newAlertmanagerCommand(), newDoctorCommand(), newClusterCommand(), newTokenCommand(), newReadyCommand())
	return root
}
