package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

// message is one on a topic. Headers carry the producer's trace.
type message struct {
	Topic   string
	Offset  int64
	Key     string
	Body    string
	Headers propagation.MapCarrier
	Sent    time.Time
}

type (
	publishResult struct{ Offset int64 }
	pullRequest   struct {
		Topic, Group string
		Max          int
		WaitMillis   int
	}
	pullResult struct{ Messages []message }
)

// Asking an empty queue again and again is no event.
var quietPull = map[string]bool{"/broker.Queue/Pull": true}

// broker keeps messages until each group of consumers has pulled them.
type broker struct {
	*service
	mu     sync.Mutex
	next   int64
	queues map[string]*queue
}

type queue struct {
	messages []message
	arrived  chan struct{} // holds one token while there may be messages
}

// groups are the consumers of each topic.
var groups = map[string][]string{"orders": {"mailer", "shipping"}}

func newBroker(s *service) error {
	b := &broker{service: s, queues: map[string]*queue{}}
	for topic, names := range groups {
		for _, g := range names {
			b.queues[topic+"/"+g] = &queue{arrived: make(chan struct{}, 1)}
		}
	}
	s.serveGRPC("broker.Queue", quietPull, method("Publish", b.publish), method("Pull", b.pull))
	_, err := s.meter.Int64ObservableGauge("messaging.queue.depth", metric.WithUnit("{message}"), metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for name, q := range b.queues {
			o.Observe(int64(len(q.messages)), metric.WithAttributes(attribute.String("messaging.consumer.queue", name)))
		}
		return nil
	}))
	s.background(func(ctx context.Context) {
		for nap(ctx, s.dice.about(12*time.Second)) == nil {
			s.log.InfoContext(ctx, fmt.Sprintf("[GroupCoordinator 1]: Stabilized group mailer generation %d (__consumer_offsets-%d) with 1 members", 3+s.dice.below(4), s.dice.below(50)))
		}
	})
	return err
}

func (b *broker) publish(ctx context.Context, m message) (publishResult, error) {
	if err := nap(ctx, b.dice.about(time.Millisecond)); err != nil {
		return publishResult{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	m.Offset = b.next
	for _, g := range groups[m.Topic] {
		q := b.queues[m.Topic+"/"+g]
		q.messages = append(q.messages, m)
		if len(q.messages) > queueMessages {
			q.messages = q.messages[1:]
			b.log.WarnContext(ctx, fmt.Sprintf("queue %s/%s is full: oldest message dropped", m.Topic, g))
		}
		q.wake()
	}
	b.log.DebugContext(ctx, fmt.Sprintf("appended %d bytes to %s-0 at offset %d", len(m.Body), m.Topic, m.Offset))
	return publishResult{m.Offset}, nil
}

func (q *queue) wake() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

func (b *broker) pull(ctx context.Context, req pullRequest) (pullResult, error) {
	b.mu.Lock()
	q := b.queues[req.Topic+"/"+req.Group]
	b.mu.Unlock()
	if q == nil {
		return pullResult{}, fmt.Errorf("no group %s on topic %s", req.Group, req.Topic)
	}
	select {
	case <-q.arrived:
	case <-time.After(time.Duration(req.WaitMillis) * time.Millisecond):
	case <-ctx.Done():
		return pullResult{}, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(req.Max, len(q.messages))
	res := pullResult{append([]message(nil), q.messages[:n]...)}
	if q.messages = q.messages[n:]; len(q.messages) > 0 {
		q.wake()
	}
	return res, nil
}

// publish sends a message with a producer span; the consumers find its context in the headers.
func (s *service) publish(ctx context.Context, conn *grpc.ClientConn, m message) error {
	ctx, span := s.tracer.Start(ctx, "publish "+m.Topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingDestinationName(m.Topic), semconv.MessagingOperationTypeSend, semconv.MessagingKafkaMessageKey(m.Key), semconv.MessagingMessageBodySize(len(m.Body))))
	defer span.End()
	m.Headers, m.Sent = propagation.MapCarrier{}, time.Now()
	propagator.Inject(ctx, m.Headers)
	res, err := call[publishResult](ctx, conn, "/broker.Queue/Publish", m)
	if err != nil {
		return failed(span, errors.New(wordsOf(err)))
	}
	span.SetAttributes(semconv.MessagingKafkaOffset(int(res.Offset)))
	return nil
}

// consume pulls messages of a topic, at most max at a time, and hands them on until ctx ends.
func (s *service) consume(ctx context.Context, conn *grpc.ClientConn, topic string, max int, linger time.Duration, f func(context.Context, []message)) {
	for ctx.Err() == nil {
		res, err := call[pullResult](ctx, conn, "/broker.Queue/Pull", pullRequest{topic, s.name, max, 1000})
		if err != nil {
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, fmt.Sprintf("pull from %s failed, will retry: %s", topic, wordsOf(err)))
			}
			_ = nap(ctx, time.Second) // the loop looks at ctx
			continue
		}
		if len(res.Messages) > 0 {
			f(ctx, res.Messages)
		}
		_ = nap(ctx, linger)
	}
}

// producer is the span that sent a message, and who asked.
func (m message) producer(ctx context.Context) context.Context {
	return propagator.Extract(ctx, m.Headers)
}

func consumerAttributes(topic, group string, count int) trace.SpanStartEventOption {
	attrs := []attribute.KeyValue{
		semconv.MessagingSystemKafka, semconv.MessagingDestinationName(topic), semconv.MessagingConsumerGroupName(group), semconv.MessagingOperationTypeProcess,
	}
	if count > 1 {
		attrs = append(attrs, semconv.MessagingBatchMessageCount(count))
	}
	return trace.WithAttributes(attrs...)
}
