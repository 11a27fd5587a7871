package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"clew/query/alert"
)

// Options are what a Sender works with.
type Options struct {
	URLs       []string // of Alertmanagers, such as http://alertmanager:9093; a path is a prefix, user and password are basic authentication
	Access     Access   // to all of them
	Dir        string   // of the queues
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Sender tells each of several Alertmanagers of all alerts. Create it with New, then Run it.
type Sender struct {
	log     *slog.Logger
	count   *counters
	targets []*target
	ended   chan struct{} // closed when nothing more is taken
}

// target is an Alertmanager.
type target struct {
	name   string // its URL without credentials
	url    *url.URL
	client *http.Client
	queue  *queue
	count  *counters
	log    *slog.Logger
	woken  chan struct{}
}

// CheckURL says what is wrong with an Alertmanager's URL.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // the whole one has the URL, and that has a password
		}
		return fmt.Errorf("an Alertmanager's URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: want an Alertmanager's URL, such as http://alertmanager:9093", u.Redacted())
	}
	if password, _ := u.User.Password(); password == printedPassword {
		return fmt.Errorf("%s: the password is what a printed configuration has in its place", u.Redacted())
	}
	return nil
}

// printedPassword is what stands for a password where an URL is printed: net/url's.
const printedPassword = "xxxxx"

// Printed are URLs as they may be shown: without passwords.
func Printed(urls []string) []string {
	out := make([]string, len(urls))
	for i, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			out[i] = "(not a URL)"
			continue
		}
		out[i] = u.Redacted()
	}
	return out
}

// HasCredentials says whether a URL says who comes.
func HasCredentials(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.User != nil
}

// New opens the queues.
func New(opts Options) (*Sender, error) {
	if err := os.MkdirAll(opts.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("directory of the queues of alerts: %w", err)
	}
	client, err := opts.Access.client()
	if err != nil {
		return nil, err
	}
	s := &Sender{log: opts.Logger, count: newCounters(), ended: make(chan struct{})}
	for _, text := range opts.URLs {
		if err := s.add(text, opts.Dir, client); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	opts.Registerer.MustRegister(s.count.sent, s.count.dropped, s.count.failed, s.count.seconds, s)
	return s, nil
}

func (s *Sender) add(text, dir string, client *http.Client) error {
	if err := CheckURL(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	bare := *u
	bare.User, bare.Path = nil, strings.TrimSuffix(u.Path, "/")
	for _, t := range s.targets {
		if t.name == bare.String() {
			return fmt.Errorf("%s: given twice", t.name)
		}
	}
	h := fnv.New64a()
	h.Write([]byte(bare.String()))
	q, aside, err := openQueue(filepath.Join(dir, strconv.FormatUint(h.Sum64(), 16)+".journal"))
	if err != nil {
		return err
	}
	if aside > 0 {
		s.log.Warn("the end of a queue of alerts cannot be read and was moved aside", "alertmanager", bare.String(), "bytes", aside)
	}
	s.count.begin(bare.String())
	s.targets = append(s.targets, &target{
		name: bare.String(), url: u.JoinPath("api/v2/alerts"), client: client, queue: q, count: s.count,
		log: s.log.With("alertmanager", bare.String()), woken: make(chan struct{}, 1),
	})
	return nil
}

// Send implements alert.Notifier: the alerts are in the queues, on disk, when it returns.
func (s *Sender) Send(_ context.Context, alerts ...*alert.Notification) error {
	select {
	case <-s.ended:
		return fmt.Errorf("alerts are no longer delivered: %w", context.Canceled) // rules tell again at the next start
	default:
	}
	now := time.Now()
	entries := make([]*entry, 0, len(alerts))
	for _, a := range alerts {
		e, err := newEntry(a, now)
		if err != nil {
			return fmt.Errorf("queue alert %s: %w", a.Labels, err)
		}
		entries = append(entries, e)
	}
	var failed error
	for _, t := range s.targets {
		full, err := t.queue.put(entries)
		t.count.dropped.WithLabelValues(t.name, reasonFull).Add(float64(full))
		failed = errors.Join(failed, err)
		t.wake()
	}
	return failed
}

func (t *target) wake() {
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and for a moment after that.
func (s *Sender) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, t := range s.targets {
		all.Go(func() { t.run(ctx) })
	}
	all.Wait()
	close(s.ended)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	for _, t := range s.targets {
		all.Go(func() {
			for t.queue.len() > 0 && t.deliver(last) == nil {
			}
		})
	}
	all.Wait()
	return s.close()
}

func (s *Sender) close() error {
	var err error
	for _, t := range s.targets {
		err = errors.Join(err, t.queue.close())
	}
	return err
}

// run delivers what waits whenever something does.
func (t *target) run(ctx context.Context) {
	pause, away := pauseMin, false
	for {
		err := t.deliver(ctx)
		if ctx.Err() != nil {
			return
		}
		var wait <-chan time.Time
		switch {
		case err != nil:
			if !away {
				t.log.Warn("an Alertmanager cannot be told of alerts; they wait on disk and are tried again", "error", err, "alerts", t.queue.len())
			}
			away = true
			t.count.failed.WithLabelValues(t.name).Inc()
			wait = time.After(pause/2 + rand.N(pause/2+1))
			pause = min(2*pause, pauseMax)
		case t.queue.len() > 0:
			continue
		default:
			if away {
				t.log.Info("an Alertmanager takes alerts again")
			}
			pause, away = pauseMin, false
		}
		woken := t.woken
		if wait != nil {
			woken = nil // more to tell is no reason to try sooner
		}
		select {
		case <-ctx.Done():
			return
		case <-wait:
		case <-woken:
		}
	}
}

// deliver posts a batch. The error says that it was not taken and may be later.
func (t *target) deliver(ctx context.Context) error {
	batch, dropped := t.queue.next(time.Now())
	t.count.dropped.WithLabelValues(t.name, reasonExpired).Add(float64(dropped))
	if len(batch) == 0 {
		return nil
	}
	var body bytes.Buffer
	for i, e := range batch {
		body.WriteByte("[,"[min(i, 1)])
		body.Write(e.Alert)
	}
	body.WriteByte(']')
	started := time.Now()
	err := t.post(ctx, &body)
	t.count.seconds.WithLabelValues(t.name).Observe(time.Since(started).Seconds())
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		t.log.Error("an Alertmanager refuses alerts; it is not told of them", "alerts", len(batch), "error", err)
		t.count.dropped.WithLabelValues(t.name, reasonRefused).Add(float64(len(batch)))
	case err != nil:
		return err
	default:
		t.count.sent.WithLabelValues(t.name).Add(float64(len(batch)))
	}
	if err := t.queue.done(batch); err != nil {
		t.log.Error("a queue of alerts cannot be emptied on disk; they may be sent again", "error", err)
	}
	return nil
}

// refusedError is an answer that will be the same the next time.
type refusedError struct{ status, text string }

func (e *refusedError) Error() string { return fmt.Sprintf("it answers %s: %s", e.status, e.text) }

func (t *target) post(ctx context.Context, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url.String(), body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "clew")
	res, err := t.client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the whole one has the URL
		}
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerBytesMax))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusRequestEntityTooLarge || res.StatusCode == http.StatusUnprocessableEntity:
		return &refusedError{res.Status, string(text)}
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusProxyAuthRequired:
		// What refuses credentials may repeat them, and this goes into the log.
		return fmt.Errorf("it answers %s: it does not take what it is shown (alertmanager.access)", res.Status)
	}
	return fmt.Errorf("it answers %s: %.200s", res.Status, text)
}
