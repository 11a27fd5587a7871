package otlpreceiver

import (
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"clew/internal/access"
)

// The doors' names in counters and the audit log.
const (
	doorHTTP = "otlp_http" // and what shares the port with it
	doorGRPC = "otlp_grpc"
)

// sends is what every request here needs: even the questions that clients ask before they send tell who clew is.
var sends = access.Need{Role: access.Write}

// askHTTP asks who sends before anything of a body is read.
func (r *otlpReceiver) askHTTP(next http.Handler) http.Handler {
	signals := map[string]string{}
	for _, ep := range r.endpoints {
		signals[ep.path] = ep.signal.String()
	}
	return r.guard.Handler(doorHTTP, sends, next, func(w http.ResponseWriter, req *http.Request, no *access.Refusal) {
		signal, ours := signals[req.URL.Path]
		f, ok := formatOf(req.Header.Get("Content-Type"))
		if !ours || !ok {
			http.Error(w, no.Message, no.Status)
			return
		}
		r.metrics.requests.WithLabelValues(signal, "http", "access_"+no.Reason).Inc()
		var body []byte
		if s := status.New(no.GRPC(), no.Message).Proto(); f == formatJSON {
			body, _ = protojson.Marshal(s) // a Status made here marshals
		} else {
			body, _ = proto.Marshal(s)
		}
		w.Header().Set("Content-Type", f.contentType())
		w.WriteHeader(no.Status)
		_, _ = w.Write(body) // the sender has gone: nobody is left to tell
	})
}

// askGRPC asks who sends before anything of a message is read. A refusal is a gRPC answer of headers alone.
func (r *otlpReceiver) askGRPC(next http.Handler) http.Handler {
	signals := map[string]string{}
	for _, ep := range r.endpoints {
		signals[ep.method()] = ep.signal.String()
	}
	return r.guard.Handler(doorGRPC, sends, next, func(w http.ResponseWriter, req *http.Request, no *access.Refusal) {
		if signal, ours := signals[req.URL.Path]; ours {
			r.metrics.requests.WithLabelValues(signal, "grpc", "access_"+no.Reason).Inc()
		}
		h := w.Header()
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", strconv.Itoa(int(no.GRPC())))
		h.Set("Grpc-Message", url.PathEscape(no.Message))
		w.WriteHeader(http.StatusOK)
	})
}
