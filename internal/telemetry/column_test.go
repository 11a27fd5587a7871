package telemetry

import (
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
)

// Distinct columns have distinct names, also with the suffix that tells types of one key apart.
func TestColumnNamesAreDistinct(t *testing.T) {
	keys := []string{
		"", "a", "a#int", "a##int", "a#", "#", "##", "attr.", "attr.a", "attr.attr.a", "attr.name", "name", "version", "time", "time#int", "resource.", "resource.a",
		"scope.", "scope.name", "scope.attr.name", "scope.a", "service", "any", "body", "scope", "resource", "attr", "resource.attr.a", "attr.resource.a",
		"set", "attr.set", "overflow", "scope_schema_url", "attr.scope.name", "scope.attr.attr.name",
	}
	var columns []Column
	for _, key := range keys {
		for _, level := range []Level{LevelRecord, LevelScope, LevelResource} {
			columns = append(columns, Column{Level: level, Key: key})
		}
	}
	for key := range reserved {
		if key != "service" && key != "any" && key != SetColumn {
			columns = append(columns, Column{Level: LevelField, Key: key})
		}
	}
	names := map[string]Column{}
	for _, c := range columns {
		for _, name := range []string{c.Name(), c.Name() + "#" + TypeInt.String(), c.Name() + "#" + TypeDouble.String()} {
			if other, ok := names[name]; ok {
				t.Errorf("%q names %#v and %#v", name, c, other)
			}
			names[name] = c
		}
	}
}

func TestColumnName(t *testing.T) {
	for _, c := range []struct {
		column Column
		want   string
	}{
		{Column{LevelField, FieldScopeName, TypeString}, "scope.name"},
		{Column{LevelScope, "name", TypeString}, "scope.attr.name"},
		{Column{LevelScope, "x", TypeString}, "scope.x"},
		{Column{LevelResource, "service.name", TypeString}, "resource.service.name"},
		{Column{LevelRecord, "http.route", TypeString}, "http.route"},
		{Column{LevelRecord, "body", TypeString}, "attr.body"},
		{Column{LevelRecord, "", TypeString}, "attr."},
		{Column{LevelRecord, "c#", TypeString}, "c##"},
	} {
		if got := c.column.Name(); got != c.want {
			t.Errorf("%#v is named %q, want %q", c.column, got, c.want)
		}
	}
}

func TestColumnOf(t *testing.T) {
	for _, want := range []Column{{LevelField, FieldBody, TypeJSON}, {LevelResource, "a#int", TypeInt}, {LevelRecord, "", TypeBytes}} {
		got, err := ColumnOf(FieldOf(want, want.ArrowType(0)))
		if err != nil || got != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	meta := func(level, typ string) arrow.Field {
		return arrow.Field{Metadata: arrow.NewMetadata([]string{"level", "key", "type"}, []string{level, "k", typ})}
	}
	for _, f := range []arrow.Field{setField, meta("4", "1"), meta("-1", "1"), meta("0", "0"), meta("0", "8"), meta("0", "x")} {
		if c, err := ColumnOf(f); err == nil {
			t.Errorf("%v: got %v, want an error", f, c)
		}
	}
}

func TestSeverity(t *testing.T) {
	for n := int64(1); n <= 24; n++ {
		if got, err := ParseSeverity(SeverityText(n)); err != nil || got != n {
			t.Errorf("%q is %d, %v; want %d", SeverityText(n), got, err, n)
		}
	}
	for s, want := range map[string]int64{"warn": 13, "Warning": 13, "WARN2": 14, "17": 17, "0": 0, "critical": 18, "trace": 1, "fatal4": 24} {
		if got, err := ParseSeverity(s); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "warn5", "warn0", "25", "-1", "warnn", "w"} {
		if got, err := ParseSeverity(s); err == nil {
			t.Errorf("%q is %d, want an error", s, got)
		}
	}
	if SeverityText(0) != "" || SeverityText(99) != "99" || SeverityText(13) != "WARN" {
		t.Error(SeverityText(0), SeverityText(99), SeverityText(13))
	}
}
