package main

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// wire writes protobuf messages. A nested message is opened by begin and closed by end, which moves it where its length takes more than the
// one byte that begin leaves for it: cheaper than to measure everything first, and what is written is what SDKs write, to the byte.
type wire struct{ buf []byte }

// Wire types of protobuf.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

func (w *wire) tag(field, wireType int) { w.varint(uint64(field<<3 | wireType)) }

func (w *wire) varint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }

func (w *wire) uint(field int, v uint64) {
	w.tag(field, typeVarint)
	w.varint(v)
}

func (w *wire) fixed64(field int, v uint64) {
	w.tag(field, typeFixed64)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, v)
}

func (w *wire) double(field int, v float64) { w.fixed64(field, math.Float64bits(v)) }

func (w *wire) str(field int, v string) {
	w.tag(field, typeBytes)
	w.varint(uint64(len(v)))
	w.buf = append(w.buf, v...)
}

func (w *wire) bytes(field int, v []byte) {
	w.tag(field, typeBytes)
	w.varint(uint64(len(v)))
	w.buf = append(w.buf, v...)
}

// begin opens a nested message and returns what end wants.
func (w *wire) begin(field int) (mark int) {
	w.tag(field, typeBytes)
	w.buf = append(w.buf, 0)
	return len(w.buf)
}

func (w *wire) end(mark int) {
	n := len(w.buf) - mark
	if n < 0x80 {
		w.buf[mark-1] = byte(n)
		return
	}
	more := (bits.Len(uint(n))+6)/7 - 1
	for range more {
		w.buf = append(w.buf, 0)
	}
	copy(w.buf[mark+more:], w.buf[mark:mark+n])
	binary.PutUvarint(w.buf[mark-1:], uint64(n))
}

// Fields of OTLP's messages that several signals share.
const (
	requestResources  = 1 // ExportXServiceRequest.resource_x
	resourceResource  = 1 // ResourceX.resource
	resourceScopes    = 2 // ResourceX.scope_x
	resourceAttribute = 1 // Resource.attributes
	scopeScope        = 1 // ScopeX.scope
	scopeRecords      = 2 // ScopeX.log_records, spans, metrics
)

// attr writes a string attribute.
func (w *wire) attr(field int, key, value string) {
	kv := w.begin(field)
	w.str(1, key)
	v := w.begin(2)
	w.str(1, value)
	w.end(v)
	w.end(kv)
}

// attrInt writes an integer attribute.
func (w *wire) attrInt(field int, key string, value int) {
	kv := w.begin(field)
	w.str(1, key)
	v := w.begin(2)
	w.uint(3, uint64(value))
	w.end(v)
	w.end(kv)
}

// resource writes a Resource as a Kubernetes pod of an instrumented service has it.
func (w *wire) resource(service, pod, node string) {
	r := w.begin(resourceResource)
	for _, a := range [...][2]string{
		{"service.name", service},
		{"service.namespace", "shop"},
		{"service.version", "1.14.2"},
		{"service.instance.id", pod},
		{"k8s.pod.name", pod},
		{"k8s.node.name", node},
		{"deployment.environment.name", "production"},
		{"telemetry.sdk.name", "opentelemetry"},
		{"telemetry.sdk.language", "go"},
		{"telemetry.sdk.version", "1.38.0"},
	} {
		w.attr(resourceAttribute, a[0], a[1])
	}
	w.end(r)
}

// scope writes an InstrumentationScope.
func (w *wire) scope(name, version string) {
	s := w.begin(scopeScope)
	w.str(1, name)
	w.str(2, version)
	w.end(s)
}
