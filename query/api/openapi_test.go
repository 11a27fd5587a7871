package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"clew/internal/access"
	"clew/internal/ledger"
	"clew/query/engine"
	"clew/query/parts"
)

// pathParameter is a parameter in a route of gin's.
var pathParameter = regexp.MustCompile(`[:*](\w+)`)

// document is what the tests need of openapi.yaml.
type document struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Ref string `yaml:"$ref"`
		} `yaml:"parameters"`
	} `yaml:"paths"`
	Components struct {
		Parameters map[string]struct {
			Name string `yaml:"name"`
			In   string `yaml:"in"`
		} `yaml:"parameters"`
		Schemas map[string]struct {
			Required   []string                  `yaml:"required"`
			Properties map[string]map[string]any `yaml:"properties"`
		} `yaml:"schemas"`
	} `yaml:"components"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := yaml.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func testServer(source parts.Source) *Server {
	return New(Deps{
		Engine: engine.New(source, engine.Limits{}, slog.New(slog.DiscardHandler)), Registry: prometheus.NewRegistry(),
		Logger: slog.New(slog.DiscardHandler), Ready: func() error { return nil },
	})
}

// Every route is described and every description is a route.
func TestOpenAPIRoutes(t *testing.T) {
	d := readDocument(t)
	described := map[string]bool{}
	for path, methods := range d.Paths {
		for method := range methods {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, r := range testServer(nil).router.Routes() {
		key := r.Method + " " + pathParameter.ReplaceAllString(r.Path, "{$1}")
		if !described[key] {
			t.Errorf("%s is not described", key)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("%s is described and does not exist", key)
	}
}

// A handler knows the parameters that are described, and refuses others by name.
func TestOpenAPIParameters(t *testing.T) {
	gin.SetMode(gin.TestMode)
	d := readDocument(t)
	server := testServer(nil)
	for path, methods := range d.Paths {
		get, ok := methods["get"]
		if !ok || len(get.Parameters) == 0 {
			continue
		}
		target := strings.NewReplacer("{id}", "1", "{spanId}", "2").Replace(path)
		for _, p := range get.Parameters {
			parameter, ok := d.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
			if !ok {
				t.Errorf("%s: parameter %s is not there", path, p.Ref)
			}
			if parameter.In != "query" {
				continue
			}
			// Given twice, so that the handler refuses before it asks the engine, and tells whether it knows the name.
			body := ask(server, target+"?"+parameter.Name+"=x&"+parameter.Name+"=x")
			if !strings.Contains(body, parameter.Name+": given more than once") {
				t.Errorf("%s does not know its parameter %s: %s", path, parameter.Name, body)
			}
		}
		if body := ask(server, target+"?strat=1"); !strings.Contains(body, "strat: unknown parameter") {
			t.Errorf("%s takes a parameter it does not know: %s", path, body)
		}
	}
}

func ask(h http.Handler, target string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// The schemas are the wire types, member by member.
func TestOpenAPISchemas(t *testing.T) {
	d := readDocument(t)
	types := []any{
		LogRecord{},
		SpanRecord{},
		SpanEvent{},
		SpanLink{},
		Resource{},
		Scope{},
		Search{},
		Count{},
		Explain{},
		ExplainPart{},
		ExplainLeaf{},
		Group{},
		Suggest{},
		Suggestion{},
		Complete{},
		Completion{},
		Usage{},
		UsageRow{},
		Histogram{},
		Series{},
		Fields{},
		Field{},
		Values{},
		Trace{},
		Node{},
		Step{},
		Clock{},
		Service{},
		Context{},
		Stats{},
		Traces{},
		TraceSummary{},
		TraceService{},
		Heatmap{},
		HeatmapColumn{},
		SpanDetail{},
		Skeleton{},
		SkeletonNodes{},
		SkeletonSteps{},
		SkeletonLogs{},
		Deletion{},
		DeletionList{},
		DeletionShard{},
		HostList{},
		HostDetail{},
		HostEntry{},
		HostTraffic{},
		HostLoad{},
		HostAgent{},
		Ledger{},
		ledger.HostAccount{},
		ledger.AgentAccount{},
		ledger.Flow{},
		ledger.Counts{},
		ledger.SourceAccount{},
		ledger.NumberGap{},
		ledger.AgentQueue{},
		ledger.Loss{},
		ledger.SenderAccount{},
		ledger.SampledAccount{},
		Whoami{},
		Cluster{},
		ClusterMember{},
		ClusterShard{},
		ClusterLoss{},
		access.Grant{},
		AuditEvent{},
		AuditEvents{},
		Error{},
		ErrorDetail{},
	}
	if len(types) != len(d.Components.Schemas) {
		t.Errorf("%d wire types, %d schemas", len(types), len(d.Components.Schemas))
	}
	for _, v := range types {
		typ := reflect.TypeOf(v)
		schema, ok := d.Components.Schemas[typ.Name()]
		if !ok {
			t.Errorf("%s has no schema", typ.Name())
			continue
		}
		var members, required []string
		for i := range typ.NumField() {
			if !typ.Field(i).IsExported() {
				continue
			}
			name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			members = append(members, name)
			if options != "omitempty" {
				required = append(required, name)
			}
			property, ok := schema.Properties[name]
			if !ok {
				t.Errorf("%s.%s is not in the schema", typ.Name(), name)
				continue
			}
			if want, have := jsonType(typ.Field(i).Type), property["type"]; have != nil && have != want {
				t.Errorf("%s.%s: the schema says %v, the type is %v", typ.Name(), name, have, want)
			}
		}
		for name := range schema.Properties {
			if !slices.Contains(members, name) {
				t.Errorf("%s.%s is in the schema only", typ.Name(), name)
			}
		}
		slices.Sort(required)
		slices.Sort(schema.Required)
		if !slices.Equal(required, schema.Required) {
			t.Errorf("%s: required %v, want %v", typ.Name(), schema.Required, required)
		}
	}
}

func jsonType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[Attributes]() {
		return "object"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Map, reflect.Struct:
		return "object"
	}
	return "integer"
}
