package elastic

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// version is the Elasticsearch that is answered for: what Filebeat and the client libraries of major version 8 accept, and those of 7 too.
const version = "8.17.0"

type itemAnswer struct {
	Index  string      `json:"_index"`
	ID     string      `json:"_id"`
	Status int         `json:"status"`
	Result string      `json:"result,omitempty"`
	Seq    *int        `json:"_seq_no,omitempty"`
	Term   int         `json:"_primary_term,omitempty"`
	Ver    int         `json:"_version,omitempty"`
	Shards *shards     `json:"_shards,omitempty"`
	Error  *errorCause `json:"error,omitempty"`
}

type shards struct {
	Total      int `json:"total"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
}

type errorCause struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// answer tells what became of each item, in their order.
func (b *builder) answer(w http.ResponseWriter) {
	out := struct {
		Took   int                     `json:"took"`
		Errors bool                    `json:"errors"`
		Items  []map[string]itemAnswer `json:"items"`
	}{Items: make([]map[string]itemAnswer, 0, len(b.items))}
	ids, zero := rand.Text()[:16], 0
	for i, it := range b.items {
		a := itemAnswer{Index: it.index, ID: it.id, Status: it.status}
		if a.ID == "" {
			a.ID = ids + strconv.Itoa(i)
		}
		if it.stored {
			a.Result, a.Seq, a.Term, a.Ver, a.Shards = "created", &zero, 1, 1, &shards{Total: 1, Successful: 1}
		} else {
			out.Errors = true
			a.Error = &errorCause{it.kind, it.reason}
		}
		out.Items = append(out.Items, map[string]itemAnswer{it.action: a})
	}
	writeJSON(w, http.StatusOK, out)
}

func writeError(w http.ResponseWriter, status int, kind, reason string) {
	cause := errorCause{kind, reason}
	writeJSON(w, status, map[string]any{
		"error":  map[string]any{"root_cause": []errorCause{cause}, "type": kind, "reason": reason},
		"status": status,
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the sender has gone: it will send again
}

// questions are the first parts of paths that clients ask before they send. What they want to set up (templates, policies, pipelines) is acknowledged
// and not needed here; what they look for is there.
var questions = map[string]bool{
	"": true, "_license": true, "_xpack": true, "_cluster": true, "_nodes": true, "_template": true, "_index_template": true, "_component_template": true,
	"_ilm": true, "_ingest": true, "_data_stream": true, "_alias": true,
}

func (h *handler) question(w http.ResponseWriter, req *http.Request, name string) {
	w.Header().Set(productHeader, "Elasticsearch")
	h.gate.Metrics.Request(Protocol, "handshake")
	switch req.Method {
	case http.MethodHead:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case http.MethodPut, http.MethodPost:
		writeJSON(w, http.StatusOK, map[string]any{"acknowledged": true})
	case http.MethodGet:
		writeJSON(w, http.StatusOK, told(req.URL.Path, name))
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT, POST")
		writeError(w, http.StatusMethodNotAllowed, "illegal_argument_exception", "method "+req.Method+": want GET, HEAD, PUT or POST")
	}
}

// told is the answer to a question by GET.
func told(path, name string) any {
	switch {
	case path == "/":
		return map[string]any{
			"name": "clew", "cluster_name": "clew", "cluster_uuid": "clew",
			"version": map[string]any{
				"number": version, "build_flavor": "default", "build_type": "tar", "build_snapshot": false, "lucene_version": "9.12.0",
				"minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
			},
			"tagline": "You Know, for Search",
		}
	case path == "/_license":
		return map[string]any{"license": map[string]any{"status": "active", "uid": "clew", "type": "basic", "mode": "basic"}}
	case path == "/_xpack":
		return map[string]any{
			"license":  map[string]any{"status": "active", "uid": "clew", "type": "basic", "mode": "basic"},
			"features": map[string]any{"ilm": map[string]any{"available": true, "enabled": true}},
		}
	case path == "/_cluster/health":
		return map[string]any{"cluster_name": "clew", "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1}
	case path == "/_ilm/status":
		return map[string]any{"operation_mode": "RUNNING"}
	case strings.HasPrefix(path, "/_nodes"):
		return map[string]any{"cluster_name": "clew", "_nodes": map[string]int{"total": 1, "successful": 1, "failed": 0}, "nodes": map[string]any{}}
	case strings.HasPrefix(path, "/_index_template/"):
		return map[string]any{"index_templates": []any{map[string]any{"name": name, "index_template": map[string]any{}}}}
	case strings.HasPrefix(path, "/_data_stream/"):
		return map[string]any{"data_streams": []any{map[string]any{"name": name}}}
	}
	return map[string]any{name: map[string]any{}}
}
