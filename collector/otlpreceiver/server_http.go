package otlpreceiver

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"clew/collector/refusal"
	"clew/internal/ledger"
	"clew/internal/telemetry"
)

const (
	typeProto = "application/x-protobuf"
	typeJSON  = "application/json"
)

// contentType is the inverse of formatOf.
func (f format) contentType() string {
	if f == formatJSON {
		return typeJSON
	}
	return typeProto
}

func formatOf(contentType string) (format, bool) {
	// The two that senders send need no parsing.
	switch contentType {
	case typeProto:
		return formatProto, true
	case typeJSON:
		return formatJSON, true
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return 0, false
	case media == typeProto:
		return formatProto, true
	case media == typeJSON:
		return formatJSON, true
	}
	return 0, false
}

// serveHTTP answers one endpoint's requests.
func (r *otlpReceiver) serveHTTP(ep *endpoint) http.HandlerFunc {
	count := func(result string) { r.metrics.requests.WithLabelValues(ep.signal.String(), "http", result).Inc() }
	return func(w http.ResponseWriter, req *http.Request) {
		r.metrics.inFlight.Inc()
		defer r.metrics.inFlight.Dec()
		if req.Method != http.MethodPost {
			count("method")
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, fmt.Sprintf("method %s: want POST", req.Method), http.StatusMethodNotAllowed)
			return
		}
		if req.Header.Get("Content-Encoding") == "snappy" {
			count("content_encoding")
			http.Error(w, "unsupported Content-Encoding: snappy: want gzip, zstd or none", http.StatusUnsupportedMediaType)
			return
		}
		f, ok := formatOf(req.Header.Get("Content-Type"))
		if !ok {
			count("content_type")
			http.Error(w, fmt.Sprintf("content type %.100q: want %s or %s", req.Header.Get("Content-Type"), typeProto, typeJSON), http.StatusUnsupportedMediaType)
			return
		}
		ctx, err := withTenant(req.Context(), req.Header.Values(telemetry.TenantHeader))
		if err == nil {
			ctx, err = withNumber(ctx, ep.signal, req.Header.Values(ledger.SourceHeader), req.Header.Values(ledger.SeqHeader))
		}
		if err != nil {
			writeRefusal(w, f, r.refused(ep, "http", refusal.Of(err)))
			return
		}
		t := r.admission.ticket()
		defer t.release()
		in := newBody()
		defer in.giveBack()
		if in.bytes, err = readBody(req.Body, req.ContentLength, in.bytes, t); err != nil {
			writeRefusal(w, f, r.refused(ep, "http", refusal.Of(err)))
			return
		}
		response, refused := r.export(ctx, ep, "http", f, in, t)
		if refused != nil {
			writeRefusal(w, f, refused)
			return
		}
		w.Header().Set("Content-Type", f.contentType())
		w.Header().Set("Content-Length", strconv.Itoa(len(response)))
		_, _ = w.Write(response) // the sender has gone: it will send again
	}
}

// readBody appends a (decompressed) body to buf. length is its length where that is known. It asks t for memory before it takes it.
func readBody(body io.Reader, length int64, buf []byte, t *ticket) ([]byte, error) {
	grow := readChunk
	if length > 0 {
		// Known, and bounded by the server's limit. One byte more, so that the end is seen without growing.
		grow = int(length) + 1
	}
	for {
		if len(buf) == cap(buf) {
			if err := t.need(int64(cap(buf) + grow)); err != nil {
				return buf, err
			}
			bigger := make([]byte, len(buf), cap(buf)+grow)
			copy(bigger, buf)
			buf = bigger
			grow = cap(buf)
		}
		// A buffer from the pool may be larger than what the ticket is good for.
		if err := t.need(int64(len(buf) + readChunk)); err != nil {
			return buf, err
		}
		n, err := body.Read(buf[len(buf):min(cap(buf), len(buf)+readChunk)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, bodyRefusal(err)
		}
	}
}

// bodyRefusal says why a body could not be read.
func bodyRefusal(err error) *refusal.Error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &refusal.Error{Kind: refusal.TooLarge, Reason: "too_large", Err: fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit)}
	}
	return &refusal.Error{Kind: refusal.Invalid, Reason: "body", Err: fmt.Errorf("read body: %w", err)}
}

// writeRefusal answers as OTLP asks: google.rpc.Status in the request's own format, and Retry-After where trying again
// makes sense.
func writeRefusal(w http.ResponseWriter, f format, e *refusal.Error) {
	if e.Kind == refusal.Overload || e.Kind == refusal.Unavailable {
		w.Header().Set("Retry-After", strconv.Itoa(e.WaitSeconds()))
	}
	var body []byte
	if status := e.GRPCStatus().Proto(); f == formatJSON {
		body, _ = protojson.Marshal(status) // a Status made here marshals
	} else {
		body, _ = proto.Marshal(status)
	}
	w.Header().Set("Content-Type", f.contentType())
	w.WriteHeader(e.HTTPStatus())
	_, _ = w.Write(body)
}

// answerHTTPError answers what confighttp refuses before our handler sees it: content codings and authentication.
func answerHTTPError(w http.ResponseWriter, req *http.Request, message string, status int) {
	if strings.HasPrefix(message, "unsupported Content-Encoding") {
		http.Error(w, message+": want gzip, zstd or none", http.StatusUnsupportedMediaType)
		return
	}
	f, ok := formatOf(req.Header.Get("Content-Type"))
	if !ok || status != http.StatusBadRequest {
		http.Error(w, message, status)
		return
	}
	writeRefusal(w, f, &refusal.Error{Kind: refusal.Invalid, Reason: "body", Err: fmt.Errorf("decompress body: %s", message)})
}
