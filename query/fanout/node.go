package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow/go/v15/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"clew/query/engine"
	"clew/query/fanout/frame"
)

// errSilent says that a process has said nothing for silenceMax.
var errSilent = errors.New("it does not answer")

// nodes are the connections to other processes, by address. One is made when it is first needed.
type nodes struct {
	opts []grpc.DialOption

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

func newNodes(opts []grpc.DialOption) *nodes {
	opts = append([]grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax), grpc.MaxCallSendMsgSize(questionBytesMax+1<<20)),
		// One that comes back is asked again soon.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: silenceMax}, MinConnectTimeout: silenceMax,
		}),
	}, opts...)
	return &nodes{opts: opts, conns: map[string]*grpc.ClientConn{}}
}

// conn is the connection to an address.
func (n *nodes) conn(address string) (*grpc.ClientConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.conns[address]; c != nil {
		return c, nil
	}
	c, err := grpc.NewClient("passthrough:///"+address, n.opts...)
	if err == nil {
		n.conns[address] = c
	}
	return c, err
}

// keep closes the connections to all but these.
func (n *nodes) keep(members []Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.conns) <= len(members) {
		return
	}
	there := map[string]bool{}
	for _, m := range members {
		there[m.Address] = true
	}
	for address, c := range n.conns {
		if !there[address] {
			_ = c.Close()
			delete(n.conns, address)
		}
	}
}

// close closes all connections.
func (n *nodes) close() { n.keep(nil) }

// partial asks a member about a share. keep is asked for the memory of the rows that come.
func (n *nodes) partial(ctx context.Context, m Member, t *ticket, keep func(bytes int64) error) (*engine.Partial, error) {
	p := &engine.Partial{}
	answer, err := n.ask(ctx, m, t, func(rows string, t frame.Table) error {
		known := len(p.Records)
		if err := take(p, rows, t); err != nil {
			return err
		}
		bytes := rowsInMemory * t.Bytes()
		for i := range p.Records[known:] { // whose fields are much larger than columns of them
			bytes += p.Records[known+i].Bytes()
		}
		return keep(bytes)
	})
	if err != nil {
		return nil, err
	}
	return p, finish(p, answer)
}

// ask sends a ticket to a member and gives it the rows that come. It returns what is said beside them. An error is the context's, errSilent, one that the member
// told (wireError), or says what is wrong with the connection.
func (n *nodes) ask(ctx context.Context, m Member, t *ticket, rows send) (json.RawMessage, error) {
	data, err := t.encode()
	if err != nil {
		return nil, err
	}
	conn, err := n.conn(m.Address)
	if err != nil {
		return nil, err
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceMax, func() { cancel(errSilent) })
	defer silence.Stop()
	why := func(err error) error {
		switch {
		case outer.Err() != nil:
			return outer.Err()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		return err
	}
	stream, err := flight.NewFlightServiceClient(conn).DoGet(ctx, &flight.Ticket{Ticket: data})
	if err != nil {
		return nil, why(err)
	}
	total := 0
	for {
		d, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("its answer has no end: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return nil, why(err)
		}
		silence.Reset(silenceMax)
		if isAlive(d) {
			continue
		}
		if total += len(d.DataBody) + len(d.DataHeader); total > answerBytesMax {
			return nil, &engine.LimitError{What: "bytes of another process's answer", Max: answerBytesMax, Hint: "narrow the time range or the query"}
		}
		last, answer, err := read(d, rows)
		if err != nil || last {
			return answer, err
		}
	}
}

// read reads a message of an answer; last says that there are no more.
func read(d *flight.FlightData, rows send) (last bool, answer json.RawMessage, err error) {
	f, err := frame.Decode(d)
	if err != nil {
		return false, nil, err
	}
	var said note
	if err := json.Unmarshal(f.Header, &said); err != nil {
		return false, nil, &frame.DamageError{What: "a note: " + err.Error()}
	}
	switch {
	case said.Error != nil:
		return true, nil, said.Error.error()
	case said.Rows != "":
		return false, nil, rows(said.Rows, f.Table)
	}
	return true, said.Answer, nil
}
