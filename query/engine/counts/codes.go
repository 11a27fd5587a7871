package counts

import (
	"context"
	"strings"

	"clew/index"
	"clew/index/vocabulary"
	"clew/query/engine/rowset"
)

// ByCode counts the rows of each code.
func ByCode(ctx context.Context, part index.Part, col, rg, n int, rows rowset.Set) (map[uint32]uint64, error) {
	counts := map[uint32]uint64{}
	if rows.Kind == rowset.KindAll {
		h, ok, err := part.Histogram(ctx, col, rg)
		if err != nil {
			return nil, err
		}
		if ok {
			for i, code := range h.Codes {
				counts[code] = uint64(h.Counts[i])
			}
			return counts, nil
		}
	}
	codes, err := part.Codes(ctx, col, rg)
	if err != nil {
		return nil, err
	}
	rows.Each(n, func(i int) bool {
		if codes[i] != index.NullCode {
			counts[codes[i]]++
		}
		return true
	})
	return counts, nil
}

// Shown is an entry for people: <*> stands for what varies, and texts longer than most bytes are cut.
func Shown(entry []byte, kind index.Kind, most int) string {
	var out []byte
	for _, c := range entry {
		if len(out) >= most {
			out = append(out, "..."...)
			break
		}
		if kind == index.KindText && vocabulary.IsHole(c) {
			out = append(out, "<*>"...)
			continue
		}
		out = append(out, c)
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}
