package scrape

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// acceptNative and acceptText are what a target is asked for. OpenMetrics' text is not: what it has beyond the classic text, protobuf has too.
const (
	acceptText   = "text/plain;version=0.0.4;q=0.9,*/*;q=0.1"
	acceptNative = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited," + acceptText
)

// parse reads an exposition, in the format that its content type names: protobuf, or else text.
func parse(body []byte, contentType string) (families []*dto.MetricFamily, err error) {
	// The parsers are not ours; what one target answers must not end the agent.
	defer func() {
		if p := recover(); p != nil {
			families, err = nil, fmt.Errorf("unreadable: %v", p)
		}
	}()
	media, params, _ := mime.ParseMediaType(contentType) // an unreadable one is text
	switch {
	case media == "application/vnd.google.protobuf" && params["encoding"] == "delimited":
		return parseProto(body)
	case media == "text/html":
		return nil, errors.New("a web page, no metrics: is the path right?")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	byName, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		families = append(families, byName[name])
	}
	return families, nil
}

// parseProto reads messages that each have their length before them. A length is believed only if so much is there.
func parseProto(body []byte) ([]*dto.MetricFamily, error) {
	var families []*dto.MetricFamily
	for len(body) > 0 {
		message, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return nil, fmt.Errorf("metric family %d: %w", len(families), protowire.ParseError(n))
		}
		f := new(dto.MetricFamily)
		if err := proto.Unmarshal(message, f); err != nil {
			return nil, fmt.Errorf("metric family %d: %w", len(families), err)
		}
		if f.GetName() == "" {
			return nil, fmt.Errorf("metric family %d has no name", len(families))
		}
		families = append(families, f)
		body = body[n:]
	}
	return families, nil
}
