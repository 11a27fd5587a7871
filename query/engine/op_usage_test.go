package engine

import (
	"fmt"
	"testing"
	"time"

	"clew/index"
	"clew/internal/telemetry"
)

// TestUsage has half of the records in a segment, half in a head: records add up, bytes are the segment's.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	build := func(from int) index.Part {
		var records []*modelRecord
		for i := from; i < from+300; i++ {
			r := &modelRecord{signal: telemetry.Logs, time: testNow.UnixNano() + int64(i)*int64(time.Second), cells: map[telemetry.Column]any{}}
			r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, fmt.Sprintf("request %d took %d ms", i, i%7))
			if i%3 != 0 {
				r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, []string{"cart", "checkout", "cart", "cart"}[i%4])
			}
			if i%10 == 0 {
				r.set(telemetry.LevelRecord, "order.id", telemetry.TypeString, fmt.Sprint("order-", i))
			}
			records = append(records, r)
		}
		return head(t, fmt.Sprint("usage-", from), logBatch(toLogs(records)))
	}
	g := w.generation(0, 0, 10)
	g.Part = build(0)
	w.seal(g)
	second := w.generation(0, 10, 20)
	second.Part = build(300)
	w.heads.set(func(v *index.HeadView) { v.Epoch, v.Committed, v.Generations = 1, 10, []index.Generation{second} })
	e := newEngine(t, w.engine.source)
	ask := func(by UsageBy, from, to int) *Usage {
		t.Helper()
		r := Request{Tenant: "default", Signal: telemetry.Logs}
		if from+to > 0 {
			r.From, r.To = testNow.UnixNano()+int64(from)*int64(time.Second), testNow.UnixNano()+int64(to)*int64(time.Second)
		}
		u, err := e.Usage(t.Context(), r, by, 100)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	row := func(u *Usage, name string) UsageRow {
		t.Helper()
		for _, r := range u.Rows {
			if r.Name == name {
				return r
			}
		}
		t.Fatalf("no %q in %+v", name, u.Rows)
		return UsageRow{}
	}
	services := ask(UsageByService, 0, 0)
	if services.Records != 600 || services.Unsealed != 300 || services.Bytes == 0 {
		t.Errorf("%d records, %d unsealed, %d bytes", services.Records, services.Unsealed, services.Bytes)
	}
	var records uint64
	var bytes int64
	for _, r := range services.Rows {
		records += r.Records
		bytes += r.Bytes
	}
	if records != 600 || bytes > services.Bytes || bytes < services.Bytes-10 {
		t.Errorf("rows add up to %d records and %d bytes, want 600 and %d", records, bytes, services.Bytes)
	}
	if none := row(services, ""); !none.Absent || none.Records != 200 || row(services, "cart").Records != 300 || row(services, "checkout").Records != 100 {
		t.Errorf("by service: %+v", services.Rows)
	}
	if cart := row(services, "cart"); cart.First != testNow.UnixNano() || cart.Last != testNow.UnixNano()+599*int64(time.Second) {
		t.Errorf("cart from %v to %v", time.Unix(0, cart.First), time.Unix(0, cart.Last))
	}
	// A part of a row group counts by its records.
	if part := ask(UsageByService, 100, 200); part.Records != 100 || part.Bytes < services.Bytes/3-10 || part.Bytes > services.Bytes/3+10 {
		t.Errorf("a third of the segment: %d records, %d of %d bytes", part.Records, part.Bytes, services.Bytes)
	}
	templates := ask(UsageByTemplate, 0, 0)
	if got := row(templates, "request <*> took <*> ms"); got.Records != 600 {
		t.Errorf("by template: %+v", templates.Rows)
	}
	fields := ask(UsageByField, 0, 0)
	if got := row(fields, "order.id"); got.Records != 60 || got.Bytes == 0 {
		t.Errorf("order.id: %+v", got)
	}
	if got := row(fields, "resource.service.name"); got.Records != 400 || got.Distinct != 2 {
		t.Errorf("service.name: %+v", got)
	}
	tenants, err := e.UsageByTenant(0, 0)
	if err != nil || len(tenants) != 1 || tenants[0].Records != 300 || tenants[0].Tenant != "default" {
		t.Errorf("by tenant: %+v, %v", tenants, err)
	}
}
