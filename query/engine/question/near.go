package question

import (
	"slices"
	"strings"
	"unicode/utf8"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// Slack is how many edits away a candidate may be: short texts are near everything.
func Slack(text string) int {
	switch n := utf8.RuneCountInString(text); {
	case n <= 2:
		return 0
	case n <= 5:
		return 1
	case n <= 12:
		return 2
	}
	return 3
}

// Distance is the edits between two texts, whatever their case; ok is false if they are too many. What only goes on, or differs in its case, is near.
func Distance(asked, have string) (int, bool) {
	asked, have = strings.ToLower(asked), strings.ToLower(have)
	most := Slack(asked)
	if d := utf8.RuneCountInString(asked) - utf8.RuneCountInString(have); d >= -most && d <= most {
		if n := vocabulary.EditDistance(asked, have); n <= most {
			return n, true
		}
	}
	if len(asked) >= 3 && strings.HasPrefix(have, asked) {
		return most + 1, true
	}
	return 0, false
}

// Spellings are the names by which a query can call a column.
func Spellings(c telemetry.Column) []string {
	switch {
	case c.Level == telemetry.LevelResource && c.Key == "service.name":
		return []string{"service", c.Key}
	case c.Level == telemetry.LevelField && slices.Contains(HiddenFields, c.Key):
		return nil
	}
	return []string{c.Key}
}
