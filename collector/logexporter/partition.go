package logexporter

import (
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// ShardOfTrace is the shard that all records of a trace go to: the hash of its id, modulo the number of shards.
func ShardOfTrace(id pcommon.TraceID, shards int) int {
	if shards <= 1 {
		return 0
	}
	return int(xxhash.Sum64(id[:]) % uint64(shards))
}

// ShardOfResource is the shard of records that belong to no trace. Senders do not promise an order of attributes, so the
// hash does not depend on it.
func ShardOfResource(res pcommon.Resource, shards int) int {
	if shards <= 1 {
		return 0
	}
	return int(hashMap(res.Attributes()) % uint64(shards))
}

// hashMap adds the hashes of the entries, which makes it independent of their order.
func hashMap(m pcommon.Map) uint64 {
	var sum uint64
	for k, v := range m.All() {
		sum += mix(xxhash.Sum64String(k), hashValue(v))
	}
	return sum
}

func hashValue(v pcommon.Value) uint64 {
	kind := uint64(v.Type())
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return mix(kind, xxhash.Sum64String(v.Str()))
	case pcommon.ValueTypeInt:
		return mix(kind, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return mix(kind, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return mix(kind, 1)
		}
		return mix(kind, 0)
	case pcommon.ValueTypeBytes:
		return mix(kind, xxhash.Sum64(v.Bytes().AsRaw()))
	case pcommon.ValueTypeMap:
		return mix(kind, hashMap(v.Map()))
	case pcommon.ValueTypeSlice:
		h := kind
		for _, e := range v.Slice().All() {
			h = mix(h, hashValue(e))
		}
		return h
	}
	return kind
}

func mix(a, b uint64) uint64 {
	var buf [16]byte
	binary.LittleEndian.PutUint64(buf[:], a)
	binary.LittleEndian.PutUint64(buf[8:], b)
	return xxhash.Sum64(buf[:])
}
