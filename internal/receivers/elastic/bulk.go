package elastic

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/internal/receivers/way"
)

// item is what became of one action.
type item struct {
	action, index, id string
	service           string
	stored            bool
	status            int
	kind, reason      string // of a failure
}

func (it *item) fail(status int, kind, reason string) {
	it.stored, it.status, it.kind, it.reason = false, status, kind, reason
}

// Reasons for which an item is rejected.
const (
	reasonDocument = "malformed_document"
	reasonTooLarge = "record_too_large"
	reasonAction   = "unsupported_action"
)

// builder makes log records of a bulk request's documents.
type builder struct {
	x              *way.Exchange
	index          string // of the path, for actions that name none
	recordBytesMax int
	logs           plog.Logs
	items          []item
	resources      map[resourceKey]plog.LogRecordSlice
}

type resourceKey struct{ index, service, version, namespace, host string }

func newBuilder(x *way.Exchange, index string, recordBytesMax int) *builder {
	return &builder{x: x, index: index, recordBytesMax: recordBytesMax, logs: plog.NewLogs(), resources: map[resourceKey]plog.LogRecordSlice{}}
}

// decode reads lines of actions, each but delete followed by a line with a document. An unreadable action leaves unknown what follows, and so is
// the whole request's mistake; an unreadable document is its item's.
func (b *builder) decode() (err error) {
	defer way.Guard(&err)
	rest := b.x.Body
	for number := 1; len(rest) > 0; number++ {
		var line []byte
		line, rest = cutLine(rest)
		if len(line) == 0 {
			continue
		}
		it, err := b.action(line)
		if err != nil {
			return way.Malformed("Malformed action/metadata line [%d]: %w", number, err)
		}
		if it.action == "delete" {
			b.refuse(it)
			continue
		}
		if len(rest) == 0 {
			return way.Malformed("line %d: the action %s has no document: a bulk request ends with a newline after the last one", number, it.action)
		}
		line, rest = cutLine(rest)
		number++
		if it.action == "update" {
			b.refuse(it)
			continue
		}
		if err := b.document(it, line); err != nil {
			return err
		}
	}
	return nil
}

// cutLine takes the first line off; the last may lack its newline.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte{'\n'})
	return bytes.TrimSpace(line), rest
}

func (b *builder) action(line []byte) (item, error) {
	if err := b.x.Take(itemCost); err != nil {
		return item{}, err
	}
	var actions map[string]struct {
		Index string `json:"_index"`
		ID    any    `json:"_id"`
	}
	if err := json.Unmarshal(line, &actions); err != nil {
		return item{}, err
	}
	if len(actions) != 1 {
		return item{}, way.Malformed("%d actions in a line: want one of index, create, update, delete", len(actions))
	}
	it := item{index: b.index}
	for name, a := range actions {
		it.action = name
		if a.Index != "" {
			it.index = a.Index
		}
		switch id := a.ID.(type) {
		case string:
			it.id = id
		case float64:
			it.id = strconv.FormatFloat(id, 'f', -1, 64)
		}
	}
	switch it.action {
	case "index", "create", "update", "delete":
	default:
		return item{}, way.Malformed("action %.40q: want index, create, update or delete", it.action)
	}
	return it, nil
}

func (b *builder) refuse(it item) {
	it.fail(http.StatusBadRequest, "illegal_argument_exception", "log records are added, never changed: want index or create")
	b.x.Reject(reasonAction, 1)
	b.items = append(b.items, it)
}

// document adds a record. The error is the request's: there is no memory for it.
func (b *builder) document(it item, line []byte) error {
	reject := func(status int, reason, kind, message string) error {
		it.fail(status, kind, message)
		b.x.Reject(reason, 1)
		b.items = append(b.items, it)
		return nil
	}
	if len(line) > b.recordBytesMax {
		return reject(http.StatusRequestEntityTooLarge, reasonTooLarge, "illegal_argument_exception",
			"a document of "+strconv.Itoa(len(line))+" bytes: want at most "+strconv.Itoa(b.recordBytesMax))
	}
	values := bytes.Count(line, []byte{','}) + bytes.Count(line, []byte{'['}) + bytes.Count(line, []byte{'{'}) + 1
	if err := b.x.Take(int64(len(line)) + valueCost*int64(values)); err != nil {
		return err
	}
	doc, err := parse(line)
	if err != nil {
		return reject(http.StatusBadRequest, reasonDocument, "document_parsing_exception", way.Malformed("failed to parse: %w", err).Message())
	}
	lr := plog.NewLogRecord()
	if err := doc.fill(lr, string(line)); err != nil {
		return reject(http.StatusBadRequest, reasonDocument, "document_parsing_exception", way.Malformed("failed to parse: %w", err).Message())
	}
	key := doc.resource(it.index)
	doc.rest(lr.Attributes())
	it.service, it.stored, it.status = key.service, true, http.StatusCreated
	lr.MoveTo(b.records(key).AppendEmpty())
	b.items = append(b.items, it)
	return nil
}

// records finds or makes the resource of a key.
func (b *builder) records(key resourceKey) plog.LogRecordSlice {
	if s, ok := b.resources[key]; ok {
		return s
	}
	rl := b.logs.ResourceLogs().AppendEmpty()
	attributes := rl.Resource().Attributes()
	put := func(name, value string) {
		if value != "" {
			attributes.PutStr(name, value)
		}
	}
	put("service.name", key.service)
	put("service.version", key.version)
	put("service.namespace", key.namespace)
	put("host.name", key.host)
	put("elasticsearch.index", key.index)
	s := rl.ScopeLogs().AppendEmpty().LogRecords()
	b.resources[key] = s
	return s
}

// putValue sets what a JSON value is. Whole numbers stay whole.
func putValue(to pcommon.Value, v any) {
	switch v := v.(type) {
	case string:
		to.SetStr(v)
	case bool:
		to.SetBool(v)
	case json.Number:
		putNumber(to, v)
	case []any:
		s := to.SetEmptySlice()
		s.EnsureCapacity(len(v))
		for _, e := range v {
			putValue(s.AppendEmpty(), e)
		}
	case map[string]any:
		m := to.SetEmptyMap()
		m.EnsureCapacity(len(v))
		for key, e := range v {
			putValue(m.PutEmpty(key), e)
		}
	}
}

func putNumber(to pcommon.Value, n json.Number) {
	if !strings.ContainsAny(n.String(), ".eE") {
		if i, err := n.Int64(); err == nil {
			to.SetInt(i)
			return
		}
	}
	f, err := n.Float64()
	if err != nil { // beyond what a number can be
		to.SetStr(n.String())
		return
	}
	to.SetDouble(f)
}
