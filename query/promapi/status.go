package promapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/util/annotations"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"clew/query/metrics"
)

type metadatum struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// recently calls f for the last hour, and for all time if that finds nothing: data may have been loaded that are old.
func (a *API) recently(ctx context.Context, since time.Duration, f func(mint, maxt int64) (found bool, err error)) error {
	now := a.now()
	found, err := f(now.Add(-since).UnixMilli(), now.UnixMilli())
	if err == nil && !found {
		_, err = f(0, now.UnixMilli())
	}
	return err
}

// metadata answers GET /metadata: limit, limit_per_metric, metric.
func (a *API) metadata(w http.ResponseWriter, r *http.Request) {
	limit, err := countParam(r, "limit")
	if err == nil {
		var perMetric int
		if perMetric, err = countParam(r, "limit_per_metric"); err == nil {
			a.describe(w, r, limit, perMetric)
			return
		}
	}
	fail(w, http.StatusBadRequest, "bad_data", err)
}

func countParam(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s must be a number", name)
	}
	return n, nil
}

func (a *API) describe(w http.ResponseWriter, r *http.Request, limit, perMetric int) {
	wanted := r.FormValue("metric")
	out := map[string][]metadatum{}
	var warnings annotations.Annotations
	err := a.recently(r.Context(), metadataSince, func(mint, maxt int64) (bool, error) {
		all, w, err := a.deps.Metrics.Names(r.Context(), mint, maxt)
		warnings = w
		for _, n := range all {
			if wanted != "" && wanted != n.Name {
				continue
			}
			m := metadatum{Type: n.Type, Help: n.Help, Unit: n.Unit}
			have, listed := out[n.Name]
			if !listed && limit >= 0 && len(out) >= limit || perMetric > 0 && len(have) >= perMetric || slices.Contains(have, m) {
				continue
			}
			out[n.Name] = append(have, m)
		}
		return len(all) > 0, err
	})
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, "execution", err)
		return
	}
	succeed(w, out, warningTexts(warnings))
}

func warningTexts(warnings annotations.Annotations) (out []string) {
	for _, err := range warnings.AsErrors() {
		out = append(out, err.Error())
	}
	return out
}

// statusTSDB answers GET /status/tsdb: the series of the last hour, counted in several ways.
func (a *API) statusTSDB(w http.ResponseWriter, r *http.Request) {
	limit, err := countParam(r, "limit")
	if err != nil || limit == 0 || limit > namesMax {
		fail(w, http.StatusBadRequest, "bad_data", fmt.Errorf("limit must be a positive number, up to %d", namesMax))
		return
	}
	if limit < 0 {
		limit = 10
	}
	var c *metrics.Cardinality
	err = a.recently(r.Context(), tsdbSince, func(mint, maxt int64) (bool, error) {
		var err error
		c, err = a.deps.Metrics.Cardinality(r.Context(), mint, maxt, limit)
		return c != nil && c.Series > 0, err
	})
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, "execution", err)
		return
	}
	succeed(w, v1.TSDBStatus{
		HeadStats:                   v1.HeadStats{NumSeries: uint64(c.Series), NumLabelPairs: c.Pairs, ChunkCount: int64(c.Rows), MinTime: c.Min, MaxTime: c.Max},
		SeriesCountByMetricName:     counts(c.ByName),
		LabelValueCountByLabelName:  counts(c.ByLabel),
		MemoryInBytesByLabelName:    counts(c.BytesByLabel),
		SeriesCountByLabelValuePair: counts(c.ByPair),
	}, nil)
}

func counts(all []metrics.Count) []v1.TSDBStat {
	out := make([]v1.TSDBStat, len(all))
	for i, c := range all {
		out[i] = v1.TSDBStat{Name: c.Name, Value: uint64(c.N)}
	}
	return out
}
