package segment

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"clew/index"
	"clew/index/segment/format"
	"clew/index/segment/pagecode"
	"clew/index/segment/writer"
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// TestDocument holds docs/format/segment.md to the constants of this package: a stranger who reads files by it must not be led astray.
func TestDocument(t *testing.T) {
	text := string(readFile(t, "../../docs/format/segment.md"))
	says := func(what, claim string) {
		t.Helper()
		if !strings.Contains(strings.ReplaceAll(text, "\n", " "), claim) {
			t.Errorf("%s: the document does not say %q", what, claim)
		}
	}
	for v := 1; v <= format.Version; v++ {
		says("versions", fmt.Sprintf("| %d | ", v))
	}
	if strings.Contains(text, fmt.Sprintf("| %d | ", format.Version+1)) && !strings.Contains(text, fmt.Sprintf("| %d | uint", format.Version+1)) {
		t.Errorf("the document speaks of version %d", format.Version+1)
	}
	var kinds []string
	for k := index.KindValue; k <= index.KindDouble; k++ {
		kinds = append(kinds, fmt.Sprintf("%d %s", k, k))
	}
	says("kinds", "kind ("+strings.Join(kinds, ", ")+")")
	says("signals", fmt.Sprintf("(%d spans, %d logs, %d metrics)", telemetry.Spans, telemetry.Logs, telemetry.Metrics))
	says("roles", fmt.Sprintf("role (%d whole, %d template, %d integers, %d strings, %d overflow)", format.RoleWhole, format.RoleTemplate, format.RoleInt, format.RoleString, format.RoleOverflow))
	for kind, name := range sectionNames {
		says("sections", fmt.Sprintf("| %d %s |", kind, name))
	}
	says("holes", fmt.Sprintf("0x%02x a digit run of 1 to 17 digits, 0x%02x an identifier, 0x%02x a word, 0x%02x any bytes",
		vocabulary.HoleInt, vocabulary.HoleID, vocabulary.HoleWord, vocabulary.HoleRaw))
	for _, name := range []string{encodingNames[pagecode.Plain], encodingNames[pagecode.Delta], encodingNames[pagecode.DeltaLength], encodingNames[pagecode.Dictionary]} {
		says("encodings", name)
	}
	for what, claim := range map[string]string{
		"rowGroupRowsDefault": "Row groups have up to " + grouped(writer.RowGroupRowsDefault) + " rows",
		"pageRowsDefault":     "has " + grouped(writer.PageRowsDefault) + " rows (`page rows`)",
		"compressGain":        fmt.Sprintf("less than 1/%d", format.CompressGain),
		"intDistinctMax":      fmt.Sprintf("at most %s distinct values, each there %d times on average", grouped(writer.IntDistinctMax), writer.IntRepeats),
		"rawDistinctMax":      fmt.Sprintf("%s, each there %d times", grouped(writer.RawDistinctMax), writer.RawRepeats),
		"valueDistinctMax":    "more than " + grouped(writer.ValueDistinctMax) + " of which most are there once",
		"attributeColumnsMax": "Of more than " + grouped(writer.AttributeColumnsMax) + " attribute columns",
		"textDistinctMin":     "at least " + grouped(writer.TextDistinctMin) + " distinct values that are few templates",
		"openReadBytes":       fmt.Sprintf("one read of %d KB", openReadBytes>>10),
		"headerBytes":         fmt.Sprintf("header, %d bytes", format.HeaderBytes),
		"timeLayout":          timeLayout,
		"magic":               strings.TrimSuffix(format.Magic, "\n") + `\n`,
	} {
		says(what, claim)
	}
	documentedHeader(t, text)
}

// documentedHeader reads a header by the document's table of offsets.
func documentedHeader(t *testing.T, text string) {
	h := format.Header{Version: 0x01020304, MetaStored: 0x11121314, MetaRaw: 0x21222324, MetaCRC: 0x31323334, FileBytes: 0x4142434445464748}
	b := h.Append(nil)
	want := map[string]uint64{
		"format version": uint64(h.Version), "stored length of the metadata": uint64(h.MetaStored), "its length when decompressed": uint64(h.MetaRaw),
		"CRC of the stored metadata": uint64(h.MetaCRC), "length of the object": h.FileBytes, "0": 0, "CRC of bytes 0 to 35": uint64(format.Checksum(b[:36])),
	}
	end := len(format.Magic)
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| uint(32|64) \| (.*) \|$`).FindAllStringSubmatch(text, -1) {
		at, err := strconv.Atoi(row[1])
		if err != nil || at != end {
			t.Errorf("field %q is at %s, the one before it ends at %d", row[3], row[1], end)
			continue
		}
		var got uint64
		if row[2] == "32" {
			got = uint64(binary.LittleEndian.Uint32(b[at:]))
			end += 4
		} else {
			got = binary.LittleEndian.Uint64(b[at:])
			end += 8
		}
		if value, ok := want[row[3]]; !ok || got != value {
			t.Errorf("field %q at %d holds %#x, want %#x", row[3], at, got, value)
		}
		delete(want, row[3])
	}
	if len(want) > 0 || end != format.HeaderBytes {
		t.Errorf("the table ends at %d and lacks %v", end, want)
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
