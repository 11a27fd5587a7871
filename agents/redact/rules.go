// Package redact masks secrets in what an agent ships, before it is written to its disk: regular expressions over texts and attribute values, each
// guarded by words of which one must be there, so that a line without secrets costs a fraction of a microsecond.
package redact

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Rule masks what a pattern matches.
type Rule struct {
	// On turns the rule on.
	On bool `mapstructure:"on"`
	// Pattern is an RE2 regular expression.
	Pattern string `mapstructure:"pattern"`
	// With takes the place of what was found; $1 and the like are groups of the pattern.
	With string `mapstructure:"with"`
	// Near are words of which one must be in the text, in any case, for the pattern to be tried. Without any it is tried on every text.
	Near []string `mapstructure:"near"`
	// Luhn wants the digits found to have a right check digit, as card numbers do.
	Luhn bool `mapstructure:"luhn"`
}

// DefaultRules are what is masked without a word in the configuration: what is never meant to be in a log. Cards and mail addresses are off: order
// numbers look like the one, and the other is often what one searches for.
func DefaultRules() map[string]Rule {
	const masked = "[redacted]"
	return map[string]Rule{
		"bearer":          {On: true, Pattern: `(?i)\b(bearer|basic|token)(\s+)[a-z0-9._~+/-]{16,}=*`, With: "${1}${2}" + masked, Near: []string{"bearer", "basic", "authorization"}},
		"jwt":             {On: true, Pattern: `\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*`, With: masked, Near: []string{"eyj"}},
		"passwords":       {On: true, Pattern: `(?i)((?:password|passwd|passphrase|client_secret|api[_-]?key|secret[_-]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;]{3,}`, With: "${1}" + masked, Near: []string{"password", "passwd", "passphrase", "client_secret", "secret_key", "secret-key", "secretkey", "api_key", "api-key", "apikey"}},
		"url_credentials": {On: true, Pattern: `(://[^/\s:@"']+:)[^/\s@"']+@`, With: "${1}" + masked + "@", Near: []string{"@"}},
		"private_keys":    {On: true, Pattern: `(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`, With: "${1}" + masked, Near: []string{"private key-----"}},
		"aws_keys":        {On: true, Pattern: `\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`, With: masked, Near: []string{"akia", "asia"}},
		"cards":           {Pattern: `\b\d(?:[ -]?\d){12,18}\b`, With: masked, Luhn: true},
		"mails":           {Pattern: `[\w.+-]+@[\w-]+(?:\.[\w-]+)+`, With: masked, Near: []string{"@"}},
	}
}

// compiled is a rule that is on.
type compiled struct {
	re   *regexp.Regexp
	with string
	near [][]byte // lower case
	luhn bool
}

// masks are the rules that are on, in the order of their names.
type masks []compiled

func compile(rules map[string]Rule) (masks, error) {
	var m masks
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		r := rules[name]
		re, err := regexp.Compile(r.Pattern)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("rules::%s::pattern: %w", name, err))
			continue
		case r.Pattern == "":
			errs = append(errs, fmt.Errorf("rules::%s::pattern: want a regular expression", name))
			continue
		case re.MatchString(""):
			errs = append(errs, fmt.Errorf("rules::%s::pattern: it matches the empty text, so it would match everywhere", name))
			continue
		case !r.On:
			continue
		}
		c := compiled{re: re, with: r.With, luhn: r.Luhn}
		for _, n := range r.Near {
			c.near = append(c.near, []byte(strings.ToLower(n)))
		}
		m = append(m, c)
	}
	return m, errors.Join(errs...)
}

// mask returns text with all matches masked, and whether there were any.
func (m masks) mask(text string) (string, bool) {
	if len(text) < textBytesMin {
		return text, false
	}
	var buffer [512]byte
	lower := appendLower(buffer[:0], text)
	changed := false
	for _, c := range m {
		if !c.isNear(lower) {
			continue
		}
		var out string
		if c.luhn {
			out = c.re.ReplaceAllStringFunc(text, func(found string) string {
				if luhn(found) {
					return c.with
				}
				return found
			})
		} else {
			out = c.re.ReplaceAllString(text, c.with)
		}
		if out != text {
			text, changed = out, true
		}
	}
	return text, changed
}

func (c *compiled) isNear(lower []byte) bool {
	if len(c.near) == 0 {
		return true
	}
	for _, n := range c.near {
		if bytes.Contains(lower, n) {
			return true
		}
	}
	return false
}

func appendLower(to []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		to = append(to, c)
	}
	return to
}

// luhn says whether the last digit of a number is its check digit.
func luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] < '0' || number[i] > '9' {
			continue
		}
		d := int(number[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}
