package loki

import "clew/internal/receivers/way"

// The message, by field number:
//
//	PushRequest: 1 streams (Stream)
//	Stream:      1 labels (string), 2 entries (Entry)
//	Entry:       1 timestamp (1 seconds, 2 nanos), 2 line, 3 structured metadata (1 name, 2 value)

func decodeProto(b *builder, body []byte) error {
	return way.Fields(body, "push request", func(f way.Field) error {
		if f.Number != 1 {
			return nil
		}
		return protoStream(b, f.Bytes)
	})
}

// protoStream reads the labels first: they may stand after the entries.
func protoStream(b *builder, stream []byte) error {
	var text string
	err := way.Fields(stream, "stream", func(f way.Field) error {
		if f.Number == 1 {
			text = string(f.Bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	labels, err := parseLabels(text)
	if err := b.stream(labels, err != nil); err != nil {
		return err
	}
	return way.Fields(stream, "stream", func(f way.Field) error {
		if f.Number != 2 {
			return nil
		}
		e, err := protoEntry(b, f.Bytes)
		if err != nil {
			return err
		}
		return b.entry(&e)
	})
}

func protoEntry(b *builder, message []byte) (e entry, err error) {
	err = way.Fields(message, "entry", func(f way.Field) error {
		switch f.Number {
		case 1:
			var seconds, nanos int64
			err := way.Fields(f.Bytes, "timestamp", func(f way.Field) error {
				switch f.Number {
				case 1:
					seconds = int64(f.Bits)
				case 2:
					nanos = int64(f.Bits)
				}
				return nil
			})
			if err != nil {
				return err
			}
			e.nanos = unixNanos(seconds, nanos)
		case 2:
			e.line = string(f.Bytes)
		case 3:
			if err := b.x.Take(pairCost); err != nil {
				return err
			}
			var m pair
			err := way.Fields(f.Bytes, "structured metadata", func(f way.Field) error {
				switch f.Number {
				case 1:
					m.name = string(f.Bytes)
				case 2:
					m.value = string(f.Bytes)
				}
				return nil
			})
			if err != nil {
				return err
			}
			e.metadata = append(e.metadata, m)
		}
		return nil
	})
	return e, err
}

// unixNanos is -1 for what nanoseconds since 1970 cannot hold.
func unixNanos(seconds, nanos int64) int64 {
	const secondsMax = (1<<63 - 1) / 1_000_000_000
	if seconds < 0 || seconds >= secondsMax || nanos < 0 || nanos >= 1_000_000_000 {
		return -1
	}
	return seconds*1_000_000_000 + nanos
}
