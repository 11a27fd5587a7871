package lines

import "time"

// clock holds what a stated time lacks: its place and its year.
type clock struct {
	now time.Time
	loc *time.Location
}

// digits reads exactly n digits at i.
func digits(b []byte, i, n int) (int, bool) {
	if i < 0 || i+n > len(b) {
		return 0, false
	}
	v := 0
	for _, c := range b[i : i+n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// clockTime reads hh:mm:ss with an optional fraction at i: the time of day in nanoseconds, and where it ends; end is 0 if there is none.
func clockTime(b []byte, i int) (nanos int64, end int) {
	h, ok1 := digits(b, i, 2)
	m, ok2 := digits(b, i+3, 2)
	s, ok3 := digits(b, i+6, 2)
	if !ok1 || !ok2 || !ok3 || b[i+2] != ':' || b[i+5] != ':' || h > 23 || m > 59 || s > 60 {
		return 0, 0
	}
	nanos, end = int64(h*3600+m*60+s)*1e9, i+8
	if end+1 < len(b) && (b[end] == '.' || b[end] == ',') && b[end+1] >= '0' && b[end+1] <= '9' {
		unit := int64(1e8)
		for end++; end < len(b) && b[end] >= '0' && b[end] <= '9'; end++ {
			nanos += int64(b[end]-'0') * unit
			unit /= 10
		}
	}
	return nanos, end
}

// zone reads Z, +01:00, +0100 or " UTC" at i; end is i if there is none.
func zone(b []byte, i int) (offset int, stated bool, end int) {
	if i < len(b) && (b[i] == 'Z' || b[i] == 'z') {
		return 0, true, i + 1
	}
	j := i
	if j < len(b) && b[j] == ' ' {
		j++
	}
	if j+3 <= len(b) && (string(b[j:j+3]) == "UTC" || string(b[j:j+3]) == "GMT") {
		return 0, true, j + 3
	}
	if j >= len(b) || b[j] != '+' && b[j] != '-' {
		return 0, false, i
	}
	h, ok := digits(b, j+1, 2)
	if !ok {
		return 0, false, i
	}
	k := j + 3
	if k < len(b) && b[k] == ':' {
		k++
	}
	m, ok := digits(b, k, 2)
	if !ok || h > 15 || m > 59 {
		return 0, false, i
	}
	offset = h*3600 + m*60
	if b[j] == '-' {
		offset = -offset
	}
	return offset, true, k + 2
}

// dateTime reads 2026-11-21T10:20:03.123+01:00 and its relatives: with / in the date, a blank between, a comma before the fraction, and without
// a zone (loc's). n is its length, 0 if there is none.
func dateTime(b []byte, loc *time.Location) (at time.Time, n int) {
	y, ok := digits(b, 0, 4)
	if !ok || len(b) < 19 || b[4] != '-' && b[4] != '/' || b[7] != b[4] || b[10] != 'T' && b[10] != ' ' {
		return at, 0
	}
	mo, ok1 := digits(b, 5, 2)
	d, ok2 := digits(b, 8, 2)
	nanos, end := clockTime(b, 11)
	if !ok1 || !ok2 || end == 0 || mo < 1 || mo > 12 || d < 1 || d > 31 {
		return at, 0
	}
	return compose(y, time.Month(mo), d, nanos, b, end, loc)
}

func compose(y int, mo time.Month, d int, nanos int64, b []byte, end int, loc *time.Location) (time.Time, int) {
	offset, stated, end := zone(b, end)
	if stated {
		return time.Date(y, mo, d, 0, 0, 0, 0, time.UTC).Add(time.Duration(nanos - int64(offset)*1e9)), end
	}
	return time.Date(y, mo, d, int(nanos/3600e9), int(nanos/60e9)%60, int(nanos/1e9)%60, int(nanos%1e9), loc), end
}

func rfc3339(b []byte) (time.Time, int) { return dateTime(b, time.UTC) }

// month reads "Nov" at i.
func month(b []byte, i int) time.Month {
	if i+3 > len(b) {
		return 0
	}
	switch string(b[i : i+3]) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// bsdTime reads syslog's "Nov 21 10:20:03" (or "Nov  1"). The year is the one that puts it next to now.
func bsdTime(b []byte, c clock) (at time.Time, n int) {
	mo := month(b, 0)
	if mo == 0 || len(b) < 15 || b[3] != ' ' || b[6] != ' ' {
		return at, 0
	}
	d, ok := digits(b, 4, 2)
	if !ok && b[4] == ' ' {
		d, ok = digits(b, 5, 1)
	}
	nanos, end := clockTime(b, 7)
	if !ok || end == 0 || d < 1 || d > 31 {
		return at, 0
	}
	y := c.now.In(c.loc).Year()
	at, _ = compose(y, mo, d, nanos, nil, 0, c.loc)
	if at.After(c.now.AddDate(0, 0, 2)) {
		at, _ = compose(y-1, mo, d, nanos, nil, 0, c.loc)
	}
	return at, end
}

// dayMonthYear reads 21/Nov/2026:10:20:03 +0000 (web servers), 21-Nov-2026 10:20:03.123 (Tomcat, BIND) and 21 Nov 2026 10:20:03.123 (Redis).
func dayMonthYear(b []byte, loc *time.Location) (at time.Time, n int) {
	d, ok := digits(b, 0, 2)
	if !ok || len(b) < 20 || b[2] != '/' && b[2] != '-' && b[2] != ' ' || b[6] != b[2] {
		return at, 0
	}
	mo := month(b, 3)
	y, ok := digits(b, 7, 4)
	nanos, end := clockTime(b, 12)
	if mo == 0 || !ok || end == 0 || d < 1 || d > 31 || b[11] != ':' && b[11] != ' ' {
		return at, 0
	}
	return compose(y, mo, d, nanos, b, end, loc)
}

// weekday reads Fri Nov 21 10:20:03.123456 2026 (Apache's errors).
func weekday(b []byte, loc *time.Location) (at time.Time, n int) {
	mo := month(b, 4)
	if mo == 0 || len(b) < 24 || b[3] != ' ' {
		return at, 0
	}
	d, ok := digits(b, 8, 2)
	nanos, end := clockTime(b, 11)
	if !ok || end == 0 || end+5 > len(b) || d < 1 || d > 31 {
		return at, 0
	}
	y, ok := digits(b, end+1, 4)
	if !ok {
		return at, 0
	}
	at, _ = compose(y, mo, d, nanos, nil, 0, loc)
	return at, end + 5
}

// klogTime reads I1121 10:20:03.123456 (Kubernetes): the letter is the severity.
func klogTime(b []byte, c clock) (at time.Time, n int) {
	mo, ok1 := digits(b, 1, 2)
	d, ok2 := digits(b, 3, 2)
	nanos, end := clockTime(b, 6)
	if !ok1 || !ok2 || end == 0 || b[5] != ' ' || mo < 1 || mo > 12 || d < 1 || d > 31 {
		return at, 0
	}
	y := c.now.In(c.loc).Year()
	at, _ = compose(y, time.Month(mo), d, nanos, nil, 0, c.loc)
	if at.After(c.now.AddDate(0, 0, 2)) {
		at, _ = compose(y-1, time.Month(mo), d, nanos, nil, 0, c.loc)
	}
	return at, end
}

// dated says whether line begins with a time.
func dated(line []byte) bool {
	_, n := leading(line, clock{now: time.Unix(0, 0), loc: time.UTC})
	return n > 0
}

// leading reads a time at the beginning of line, behind an opening bracket or syslog's <13> too; n is where it ends.
func leading(line []byte, c clock) (at time.Time, n int) {
	skip := 0
	if len(line) > 0 && line[0] == '[' {
		skip = 1
	} else if _, end := priority(line); end > 0 {
		skip = end
	}
	b := line[skip:]
	if len(b) < 15 {
		return at, 0
	}
	switch ch := b[0]; {
	case ch >= '0' && ch <= '9':
		if at, n = dateTime(b, c.loc); n == 0 {
			at, n = dayMonthYear(b, c.loc)
		}
	case ch >= 'A' && ch <= 'Z':
		if b[1] >= '0' && b[1] <= '9' {
			at, n = klogTime(b, c)
		} else if at, n = bsdTime(b, c); n == 0 {
			at, n = weekday(b, c.loc)
		}
	}
	if n == 0 {
		return at, 0
	}
	return at, skip + n
}

// priority reads syslog's <13>.
func priority(line []byte) (pri, end int) {
	if len(line) < 3 || line[0] != '<' {
		return 0, 0
	}
	for i := 1; i < len(line) && i <= 4; i++ {
		c := line[i]
		if c == '>' && i > 1 {
			return pri, i + 1
		}
		if c < '0' || c > '9' {
			break
		}
		pri = pri*10 + int(c-'0')
	}
	return 0, 0
}
