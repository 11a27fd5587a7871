package telemetry

import "slices"

// columnSet is the growing columns of one table: a batch's rows, or its sets.
type columnSet struct {
	all    []*column
	byKey  [4]map[string]*keyColumns
	rows   uint32
	size   int  // estimate of the bytes collected
	attrs  int  // attribute columns
	sorted bool // all is in Column.Compare's order
	// crowded: the last batch had more attribute columns than it may; new ones begin diverted.
	crowded bool

	// first starts the chain of keyColumns.next.
	first keyColumns

	// extra holds the attributes that get no column, as members of JSON objects (`"key":value`), by level.
	extra     [4][]member
	overflow  [4]*column // where they go; nil at levels that the table does not have
	extraText []byte
}

// keyColumns are the columns of one attribute key, by type.
type keyColumns struct {
	key    string
	byType [TypeTime + 1]*column
	// next is the key that followed in the last record. Records of one origin have the same keys in the same order: the guess saves the look-up.
	next *keyColumns
}

// field returns the column of a fixed field.
func (s *columnSet) field(key string, t Type, width int) *column {
	c := &column{Column: Column{LevelField, key, t}, owner: s, width: width}
	s.all = append(s.all, c)
	s.sorted = false
	return c
}

// unique returns the column of a fixed field whose values hardly repeat.
func (s *columnSet) unique(key string, t Type) *column {
	c := s.field(key, t, 0)
	c.plain, c.stay = true, -1
	return c
}

// after finds or makes the columns of a key of which prev is the previous one in the record.
func (s *columnSet) after(prev *keyColumns, level Level, key string) *keyColumns {
	if n := prev.next; n != nil && n.key == key {
		return n
	}
	k := s.byKey[level][key]
	if k == nil {
		k = s.addKey(level, key)
	}
	prev.next = k
	return k
}

// addKey makes room for the columns of a key. Once there are too many columns, it is not kept.
func (s *columnSet) addKey(level Level, key string) *keyColumns {
	if s.attrs >= candidatesMax {
		return &keyColumns{key: key}
	}
	if s.byKey[level] == nil {
		s.byKey[level] = map[string]*keyColumns{}
	}
	k := &keyColumns{key: key}
	s.byKey[level][key] = k
	return k
}

// attribute makes an attribute's column, or returns nil if there are too many.
func (s *columnSet) attribute(k *keyColumns, level Level, t Type) *column {
	if s.attrs >= candidatesMax {
		return nil
	}
	s.attrs++
	c := &column{Column: Column{level, k.key, t}, owner: s, diverted: s.crowded}
	k.byType[t] = c
	s.all = append(s.all, c)
	s.sorted = false
	return c
}

// sort puts the columns into their order.
func (s *columnSet) sort() {
	if !s.sorted {
		slices.SortFunc(s.all, func(a, b *column) int { return a.Compare(b.Column) })
		s.sorted = true
	}
}

// reset empties all columns for the next batch. If there are many, those that this batch did not need are forgotten.
func (s *columnSet) reset() {
	s.rows, s.size = 0, 0
	for l := range s.extra {
		s.extra[l] = s.extra[l][:0]
	}
	s.extraText = kept(s.extraText)
	if s.attrs > keptColumnsMax {
		s.forget()
	}
	for _, c := range s.all {
		c.reset()
	}
}

// forget drops the attribute columns without values. Making a column costs far more than emptying one, so those in use stay, however many; and
// diverted ones as long as there is room, since what they know is that they are better diverted.
func (s *columnSet) forget() {
	room := s.attrs < candidatesMax/2
	idle := func(c *column) bool { return c.n == 0 && !(c.diverted && room) }
	s.all = slices.DeleteFunc(s.all, func(c *column) bool { return c.Level != LevelField && idle(c) })
	s.attrs = 0
	s.first.next = nil
	for _, keys := range s.byKey {
		for key, k := range keys {
			k.next = nil // which may go
			used := 0
			for t, c := range k.byType {
				switch {
				case c == nil:
				case idle(c):
					k.byType[t] = nil
				default:
					used++
				}
			}
			if used == 0 {
				delete(keys, key)
			}
			s.attrs += used
		}
	}
}
