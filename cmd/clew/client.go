package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"clew/internal/telemetry"
	"clew/query/api"
)

// client asks a clew server.
type client struct {
	server string
	tenant string // empty: what the server takes it for
	http   *http.Client
}

// clientFlags are the flags of every command that asks a server.
type clientFlags struct {
	server string
	tenant string
	shown  credentials
}

func (f *clientFlags) register(cmd *cobra.Command) {
	f.registerServer(cmd)
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "tenant to ask for; default: that of the credentials, or the one called default")
}

// registerServer is register for commands that are about all tenants.
func (f *clientFlags) registerServer(cmd *cobra.Command) {
	server := os.Getenv("CLEW_SERVER")
	if server == "" {
		server = "http://127.0.0.1:7400"
	}
	cmd.Flags().StringVar(&f.server, "server", server, "clew's address (or set CLEW_SERVER)")
	f.shown.register(cmd)
}

func (f *clientFlags) client() (*client, error) {
	server := strings.TrimRight(f.server, "/")
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--server %q: want an address such as http://127.0.0.1:7400", f.server)
	}
	if f.tenant != "" {
		if err := telemetry.CheckTenant(f.tenant); err != nil {
			return nil, fmt.Errorf("--tenant: %w", err)
		}
	}
	web, err := f.shown.client(u)
	if err != nil {
		return nil, err
	}
	return &client{server: server, tenant: f.tenant, http: web}, nil
}

// answerError is the server's refusal.
type answerError struct {
	status int
	detail api.ErrorDetail
	query  string
}

func (e *answerError) Error() string {
	var b strings.Builder
	b.WriteString(e.detail.Message)
	if e.detail.Pos != nil && e.query != "" && *e.detail.Pos <= len(e.query) {
		fmt.Fprintf(&b, "\n  %s\n  %s^", e.query, strings.Repeat(" ", len([]rune(e.query[:*e.detail.Pos]))))
	}
	if e.detail.Hint != "" {
		fmt.Fprintf(&b, "\n  %s", e.detail.Hint)
	}
	return b.String()
}

// get asks path with params and decodes the answer.
func (c *client) get(ctx context.Context, path string, params url.Values, into any) error {
	body, err := c.open(ctx, path, params)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("answer of %s%s: %w", c.server, path, err)
	}
	return nil
}

func (c *client) open(ctx context.Context, path string, params url.Values) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodGet, path, params)
}

// post asks the server to do something.
func (c *client) post(ctx context.Context, path string) error {
	body, err := c.do(ctx, http.MethodPost, path, url.Values{})
	if err != nil {
		return err
	}
	return body.Close()
}

func (c *client) do(ctx context.Context, method, path string, params url.Values) (io.ReadCloser, error) {
	res, err := c.request(ctx, method, path, params)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// request asks and returns the answer if it is one; the caller closes its body.
func (c *client) request(ctx context.Context, method, path string, params url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server+path+"?"+params.Encode(), nil)
	if err != nil {
		return nil, err
	}
	c.nameTenant(req)
	if method != http.MethodGet {
		req.Header.Set(api.RequestHeader, "1")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if strings.HasPrefix(c.server, "https:") && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)) {
			return nil, fmt.Errorf("%w (%s hangs up: it may want a client certificate, --tls-cert and --tls-key)", errors.Unwrap(err), c.server)
		}
		var unproven *tls.CertificateVerificationError
		if errors.As(err, &unproven) {
			return nil, fmt.Errorf("%w (%s shows a certificate that is not believed: --tls-ca names the authority that it is of)", errors.Unwrap(err), c.server)
		}
		return nil, fmt.Errorf("%w (is clew running at %s? start it with `clew run`, or name it with --server)", errors.Unwrap(err), c.server)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	var e api.Error
	if json.Unmarshal(data, &e) != nil || e.Error.Message == "" {
		e.Error.Message = fmt.Sprintf("%s answered %s to %s: %.200s", c.server, res.Status, path, data)
	}
	if e.Error.Hint == "" {
		e.Error.Hint = accessHint(res.StatusCode)
	}
	return nil, &answerError{status: res.StatusCode, detail: e.Error, query: params.Get("query")}
}

// nameTenant says whose records a request is about, if that was said.
func (c *client) nameTenant(r *http.Request) {
	if c.tenant != "" {
		r.Header.Set(telemetry.TenantHeader, c.tenant)
	}
}

// timeRange are the flags --since and --until.
type timeRange struct {
	since, until string
}

func (r *timeRange) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.since, "since", "", "from: a duration back from now (90s, 15m, 2h, 7d) or a time (RFC 3339, or 2026-01-31, or 2026-01-31 15:04); default: everything")
	cmd.Flags().StringVar(&r.until, "until", "", "before: as --since; default: everything up to now and later")
}

// params adds the range to a query's parameters, as nanoseconds.
func (r *timeRange) params(v url.Values, now time.Time) error {
	for _, f := range []struct{ flag, text, param string }{{"--since", r.since, "start"}, {"--until", r.until, "end"}} {
		if f.text == "" {
			continue
		}
		t, err := parseTime(f.text, now)
		if err != nil {
			return fmt.Errorf("%s %q: %w", f.flag, f.text, err)
		}
		v.Set(f.param, fmt.Sprint(t.UnixNano()))
	}
	return nil
}

// parseTime reads a duration back from now, or a time (local where no zone is given).
func parseTime(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days, "%g", &n); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("want a duration such as 15m or 7d, or a time such as 2026-01-31T15:04:05Z")
}
