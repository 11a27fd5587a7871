package stored

import (
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
)

// Names of OTLP become Prometheus' as Prometheus' own OTLP endpoint makes them by default: system.cpu.time in s, a monotonic sum, is
// system_cpu_time_seconds_total, and host.name is host_name. What came from Prometheus, by remote write or by a scrape, says so and keeps its names.

// promoted are the attributes of resources that are labels of each of the resource's series. Prometheus' documentation recommends most of them; host and process are
// here because an agent's metrics of a host and of its processes have no service that tells them apart. All the others are in target_info.
var promoted = map[string]bool{
	"cloud.availability_zone": true, "cloud.region": true, "container.id": true, "container.name": true, "deployment.environment": true,
	"deployment.environment.name": true, "host.name": true, "k8s.cluster.name": true, "k8s.container.name": true, "k8s.cronjob.name": true,
	"k8s.daemonset.name": true, "k8s.deployment.name": true, "k8s.job.name": true, "k8s.namespace.name": true, "k8s.node.name": true, "k8s.pod.name": true,
	"k8s.replicaset.name": true, "k8s.statefulset.name": true, "process.executable.name": true, "process.pid": true,
	"service.instance.id": true, "service.name": true, "service.namespace": true,
}

// Attributes that become job and instance.
const (
	ServiceName      = "service.name"
	ServiceNamespace = "service.namespace"
	ServiceInstance  = "service.instance.id"
)

const targetInfo = "target_info"

// Translator makes names of Prometheus, and remembers those of attributes. It is safe for concurrent use.
type Translator struct {
	metric otlptranslator.MetricNamer
	label  otlptranslator.LabelNamer

	mu    sync.Mutex
	names map[string]string
}

// NewTranslator returns one that remembers nothing yet.
func NewTranslator() *Translator {
	return &Translator{
		metric: otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes),
		label:  otlptranslator.LabelNamer{UnderscoreLabelSanitization: true, PreserveMultipleUnderscores: true}, //nolint:staticcheck // deprecated, and what Prometheus does itself
		names:  map[string]string{},
	}
}

// LabelName is the label of an attribute; empty if it can have none.
func (t *Translator) LabelName(key string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	name, ok := t.names[key]
	if !ok {
		var err error
		if name, err = t.label.Build(key); err != nil {
			name = ""
		}
		if len(t.names) >= labelNamesMax {
			clear(t.names)
		}
		t.names[strings.Clone(key)] = name
	}
	return name
}

// Family is a metric as Prometheus sees it.
type Family struct {
	Name string
	OTel string // its name in OTLP
	Type model.MetricType
	Unit string
	Help string

	Marks Marks
}

// shape is what OTLP says of a metric's type.
type shape struct {
	typ       string // telemetry.FieldMetricType
	delta     bool
	monotonic bool
}

// family translates a metric. The name is empty if it can have none.
func (t *Translator) family(name, unit, help string, s shape, m Marks) Family {
	f := Family{Name: name, OTel: name, Unit: unit, Help: help, Marks: m}
	kind := otlptranslator.MetricTypeUnknown
	f.Type = model.MetricTypeUnknown
	switch s.typ {
	case typeGauge:
		kind, f.Type = otlptranslator.MetricTypeGauge, model.MetricTypeGauge
	case typeSum:
		kind, f.Type = otlptranslator.MetricTypeNonMonotonicCounter, model.MetricTypeGauge
		if s.monotonic {
			kind, f.Type = otlptranslator.MetricTypeMonotonicCounter, model.MetricTypeCounter
		}
	case typeHistogram:
		kind, f.Type = otlptranslator.MetricTypeHistogram, model.MetricTypeHistogram
	case typeExponential:
		kind, f.Type = otlptranslator.MetricTypeExponentialHistogram, model.MetricTypeHistogram
	case typeSummary:
		kind, f.Type = otlptranslator.MetricTypeSummary, model.MetricTypeSummary
	}
	if m.Prometheus {
		if m.Type != "" {
			f.Type = m.Type
		}
		return f
	}
	translated, err := t.metric.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricType(kind)})
	if err != nil {
		translated = ""
	}
	f.Name = translated
	return f
}

// attribute is one attribute as text.
type attribute struct{ key, value string }

// target is a resource as Prometheus sees it.
type target struct {
	job, instance string
	promoted      []attribute // names of labels
	info          labels.Labels
}

// target translates a resource's attributes, which are sorted by key.
func (t *Translator) target(attributes []attribute) target {
	var out target
	var name, namespace string
	others := 0
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, a := range attributes {
		switch a.key {
		case ServiceName:
			name = a.value
		case ServiceNamespace:
			namespace = a.value
		case ServiceInstance:
			out.instance = a.value
		default:
			others++
			t.set(b, a)
		}
		if promoted[a.key] {
			if label := t.LabelName(a.key); label != "" {
				out.promoted = append(out.promoted, attribute{label, a.value})
			}
		}
	}
	out.job = name
	if name != "" && namespace != "" {
		out.job = namespace + "/" + name
	}
	if others == 0 || out.job == "" && out.instance == "" {
		return out
	}
	out.identify(b)
	b.Set(model.MetricNameLabel, targetInfo)
	out.info = b.Labels()
	return out
}

func (t *target) identify(b *labels.Builder) {
	if t.job != "" {
		b.Set(model.JobLabel, t.job)
	}
	if t.instance != "" {
		b.Set(model.InstanceLabel, t.instance)
	}
}

// set adds an attribute. The values of attributes whose names become one are joined, as Prometheus joins them.
func (t *Translator) set(b *labels.Builder, a attribute) {
	name := t.LabelName(a.key)
	if name == "" || name == model.MetricNameLabel {
		return
	}
	value := a.value
	if have := b.Get(name); have != "" {
		value = have + ";" + value
	}
	b.Set(name, value)
}

// labels puts a series' labels into b, but for the name. attributes are the points' own, sorted by key.
func (t *Translator) labels(b *labels.Builder, f *Family, of *target, attributes []attribute) {
	b.Reset(labels.EmptyLabels())
	if f.Marks.Prometheus {
		for _, a := range attributes {
			if a.key != model.MetricNameLabel {
				b.Set(a.key, a.value)
			}
		}
		of.identify(b)
		return
	}
	for _, a := range attributes {
		t.set(b, a)
	}
	for _, a := range of.promoted {
		if b.Get(a.key) == "" {
			b.Set(a.key, a.value)
		}
	}
	of.identify(b)
}

// CallsMetric is OTLP's name of the calls that are counted with their durations.
const CallsMetric = "traces.span.metrics.calls"

// callsOf is the metric of the calls whose durations another one is of.
func (t *Translator) callsOf(durations *Family) *Family {
	f := t.family(CallsMetric, "", "Spans, by operation", shape{typ: typeSum, delta: true, monotonic: true}, durations.Marks)
	return &f
}
