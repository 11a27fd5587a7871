package writer

// numberTable maps a bounded number of distinct 64-bit numbers to small indices, in the order of their first coming.
type numberTable struct {
	slots  []numberSlot // open addressing; a power of two, at least four times as many as numbers
	shift  uint
	values []uint64
}

type numberSlot struct {
	value uint64
	index uint32 // plus one; 0 is a free slot
}

func newNumberTable(valuesMax int) *numberTable {
	bits := uint(4)
	for 1<<bits < 4*valuesMax {
		bits++
	}
	return &numberTable{slots: make([]numberSlot, 1<<bits), shift: 64 - bits}
}

// find returns the slot where v is or belongs.
func (t *numberTable) find(v uint64) *numberSlot {
	at := v * 0x9E3779B97F4A7C15 >> t.shift
	for t.slots[at].index != 0 && t.slots[at].value != v {
		at = (at + 1) & uint64(len(t.slots)-1)
	}
	return &t.slots[at]
}

// add adds v unless it is there; false if there were more than valuesMax then.
func (t *numberTable) add(v uint64, valuesMax int) bool {
	slot := t.find(v)
	if slot.index == 0 {
		if len(t.values) == valuesMax {
			return false
		}
		t.values = append(t.values, v)
		slot.value, slot.index = v, uint32(len(t.values))
	}
	return true
}
