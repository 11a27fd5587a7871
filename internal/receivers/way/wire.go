package way

import "google.golang.org/protobuf/encoding/protowire"

// Field is one field of a protobuf message. Bytes belong to the message; Bits are a varint's or a fixed number's.
type Field struct {
	Number protowire.Number
	Type   protowire.Type
	Bytes  []byte
	Bits   uint64
}

// Fields calls f for each field of a message, in order. The messages of senders are decoded with it by hand: a few bytes of them can ask for much
// memory, which is to be accounted for (Exchange.Take) before it is taken.
func Fields(message []byte, what string, f func(Field) error) error {
	for b := message; len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return Malformed("%s at byte %d: tag: %w", what, len(message)-len(b), protowire.ParseError(n))
		}
		b = b[n:]
		field := Field{Number: number, Type: kind}
		switch kind {
		case protowire.BytesType:
			field.Bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			field.Bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			field.Bits, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return Malformed("%s at byte %d: field %d: %w", what, len(message)-len(b), number, protowire.ParseError(n))
		}
		b = b[n:]
		if err := f(field); err != nil {
			return err
		}
	}
	return nil
}
