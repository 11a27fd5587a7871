package segment

import (
	"container/list"
	"encoding/binary"
	"sync"

	"github.com/VictoriaMetrics/fastcache"
)

// Cache keeps what segments have read, for all segments of a process and within two byte budgets: decoded columns, vocabularies,
// histograms and filters (least recently used go first), and the stored bytes of chunks, outside Go's heap. Safe for concurrent use.
type Cache struct {
	stored *fastcache.Cache // nil: none

	mu        sync.Mutex
	entries   map[cacheKey]*list.Element // of *cacheEntry
	recent    *list.List                 // most recently used first
	bytes     int64
	bytesMax  int64
	hits      uint64
	misses    uint64
	evictions uint64
}

// cacheKey names something decoded: a leaf or section of a segment.
type cacheKey struct {
	segment string
	what    cacheKind
	a, b    int32
}

type cacheKind uint8

const (
	cacheCodes cacheKind = iota
	cacheInts
	cacheDoubles
	cacheBytes
	cacheHole
	cacheVocabulary
	cacheHistograms
	cacheFilter
	cacheDictionary
	cacheStarts
	cachePages // where a row group's pages are
	// cachePaged is added to a kind where one page's rows are meant: the key's second number is then the page's in the segment.
	cachePaged
)

type cacheEntry struct {
	key   cacheKey
	value any
	bytes int64
}

// NewCache makes a cache. decodedBytesMax bounds decoded values; storedBytesMax bounds stored bytes, and 0 keeps none
// of those (right for a directory, where the file system caches them). Less than 32 MB of the latter cannot be had: fastcache's smallest.
func NewCache(decodedBytesMax, storedBytesMax int64) *Cache {
	c := &Cache{entries: map[cacheKey]*list.Element{}, recent: list.New(), bytesMax: decodedBytesMax}
	if storedBytesMax > 0 {
		c.stored = fastcache.New(int(storedBytesMax))
	}
	return c
}

// CacheStats are a cache's figures so far.
type CacheStats struct {
	Bytes, BytesMax         int64 // decoded
	Entries                 int
	Hits, Misses, Evictions uint64
}

// Stats returns the cache's figures.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheStats{Bytes: c.bytes, BytesMax: c.bytesMax, Entries: len(c.entries), Hits: c.hits, Misses: c.misses, Evictions: c.evictions}
}

// Forget drops everything decoded of a segment, for when it is deleted. Its stored bytes age out by themselves.
func (c *Cache) Forget(segment string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, element := range c.entries {
		if key.segment == segment {
			c.removeLocked(element)
		}
	}
}

// cached returns what key names, from the cache or by load, which also tells its bytes. Two callers at once may both load: the work
// is wasted, not wrong.
func cached[T any](c *Cache, key cacheKey, load func() (T, int64, error)) (T, error) {
	if c != nil {
		if value, ok := c.get(key); ok {
			return value.(T), nil
		}
	}
	value, bytes, err := load()
	if err == nil && c != nil {
		c.put(key, value, bytes)
	}
	return value, err
}

func (c *Cache) get(key cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		c.misses++
		return nil, false
	}
	c.hits++
	c.recent.MoveToFront(element)
	return element.Value.(*cacheEntry).value, true
}

// peek is get for what may be there by chance: it counts as no miss.
func peek[T any](c *Cache, key cacheKey) (value T, ok bool) {
	if c == nil {
		return value, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.hits++
	c.recent.MoveToFront(element)
	return element.Value.(*cacheEntry).value.(T), true
}

func (c *Cache) put(key cacheKey, value any, bytes int64) {
	const overhead = 200 // entry, list element, map slot
	bytes += overhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok || bytes > c.bytesMax {
		return
	}
	c.entries[key] = c.recent.PushFront(&cacheEntry{key: key, value: value, bytes: bytes})
	c.bytes += bytes
	for c.bytes > c.bytesMax {
		c.removeLocked(c.recent.Back())
		c.evictions++
	}
}

func (c *Cache) removeLocked(element *list.Element) {
	entry := element.Value.(*cacheEntry)
	c.recent.Remove(element)
	delete(c.entries, entry.key)
	c.bytes -= entry.bytes
}

// storedKey names a run of an object's bytes.
func storedKey(name string, offset int64, size int) []byte {
	key := append([]byte(name), 0)
	key = binary.LittleEndian.AppendUint64(key, uint64(offset))
	return binary.LittleEndian.AppendUint32(key, uint32(size))
}

// fastcacheSmall is what fits one entry of fastcache with its key; more goes by SetBig.
const fastcacheSmall = 60 << 10

// getStored fills p with stored bytes if they are cached.
func (c *Cache) getStored(key, p []byte) bool {
	if c == nil || c.stored == nil {
		return false
	}
	var got []byte
	if len(p) <= fastcacheSmall {
		got = c.stored.Get(p[:0], key)
	} else {
		got = c.stored.GetBig(p[:0], key)
	}
	return len(got) == len(p) && &got[0] == &p[0]
}

func (c *Cache) putStored(key, p []byte) {
	if c == nil || c.stored == nil {
		return
	}
	if len(p) <= fastcacheSmall {
		c.stored.Set(key, p)
	} else {
		c.stored.SetBig(key, p)
	}
}
