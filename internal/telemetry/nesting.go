package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// pdata reads nested values recursively and without a bound: an OTLP body of 25 MB can hold millions of arrays inside of each other, which
// overflows the stack, and that ends the process beyond any recover. So bodies are looked through before pdata gets them.

// ErrNesting says that a body nests values deeper than ValueDepthMax.
var ErrNesting = fmt.Errorf("values nest deeper than %d levels", ValueDepthMax)

// errWire says that bytes are not a protobuf message, or one with groups, which OTLP does not use.
var errWire = errors.New("not an OTLP protobuf message")

// protoMessage names the messages of OTLP that can contain values.
type protoMessage uint8

const (
	opaque protoMessage = iota
	requestLogs
	requestSpans
	requestMetrics
	resourceLogs
	resourceSpans
	resourceMetrics
	attributed1 // messages whose field n is attributes
	attributed3
	attributed4
	attributed7
	scopeLogs
	scopeSpans
	scopeMetrics
	logRecord
	span
	metric
	gaugeOrSum
	histogram
	expHistogram
	summary
	numberPoint
	histogramPoint
	expHistogramPoint
	keyValue
	anyValue
	arrayValue
	keyValueList
)

// protoFields are the fields that lead to values, by message and field number (opentelemetry-proto 1.x).
var protoFields = [...][16]protoMessage{
	requestLogs:       {1: resourceLogs},
	requestSpans:      {1: resourceSpans},
	requestMetrics:    {1: resourceMetrics},
	resourceLogs:      {1: attributed1, 2: scopeLogs},
	resourceSpans:     {1: attributed1, 2: scopeSpans},
	resourceMetrics:   {1: attributed1, 2: scopeMetrics},
	scopeLogs:         {1: attributed3, 2: logRecord},
	scopeSpans:        {1: attributed3, 2: span},
	scopeMetrics:      {1: attributed3, 2: metric},
	logRecord:         {5: anyValue, 6: keyValue},
	span:              {9: keyValue, 11: attributed3, 13: attributed4},
	metric:            {5: gaugeOrSum, 7: gaugeOrSum, 9: histogram, 10: expHistogram, 11: summary, 12: keyValue},
	gaugeOrSum:        {1: numberPoint},
	histogram:         {1: histogramPoint},
	expHistogram:      {1: expHistogramPoint},
	summary:           {1: attributed7},
	numberPoint:       {5: attributed7, 7: keyValue},
	histogramPoint:    {8: attributed7, 9: keyValue},
	expHistogramPoint: {1: keyValue, 11: attributed7},
	attributed1:       {1: keyValue},
	attributed3:       {3: keyValue},
	attributed4:       {4: keyValue},
	attributed7:       {7: keyValue},
	keyValue:          {2: anyValue},
	anyValue:          {5: arrayValue, 6: keyValueList},
	arrayValue:        {1: anyValue},
	keyValueList:      {1: keyValue},
}

// CheckNesting says whether an OTLP protobuf request (Export*ServiceRequest) can be given to pdata: ErrNesting if its values nest too
// deep, another error if it is not protobuf.
func CheckNesting(signal Signal, body []byte) error {
	m := requestLogs
	switch signal {
	case Spans:
		m = requestSpans
	case Metrics:
		m = requestMetrics
	}
	return checkNesting(body, m, 0)
}

func checkNesting(b []byte, m protoMessage, depth int) error {
	if m == arrayValue || m == keyValueList {
		if depth++; depth >= ValueDepthMax {
			return ErrNesting
		}
	}
	fields := &protoFields[m]
	for i := 0; i < len(b); {
		tag, n := uint64(b[i]), 1
		if tag >= 0x80 {
			if tag, n = binary.Uvarint(b[i:]); n <= 0 {
				return errWire
			}
		}
		if i += n; tag&7 != wireBytes {
			if n = scalarSize(b[i:], tag&7); n <= 0 || n > len(b)-i {
				return errWire
			}
			i += n
			continue
		}
		if i >= len(b) {
			return errWire
		}
		length, n := uint64(b[i]), 1
		if length >= 0x80 {
			if length, n = binary.Uvarint(b[i:]); n <= 0 {
				return errWire
			}
		}
		if i += n; length > uint64(len(b)-i) {
			return errWire
		}
		end := i + int(length)
		if field := tag >> 3; field < uint64(len(fields)) && fields[field] != opaque {
			if err := checkNesting(b[i:end], fields[field], depth); err != nil {
				return err
			}
		}
		i = end
	}
	return nil
}

// scalarSize is the length of a number of the wire type at the start of b, 0 or less if there is none.
func scalarSize(b []byte, wireType uint64) int {
	switch wireType {
	case wireVarint:
		_, n := binary.Uvarint(b)
		return n
	case wireFixed8:
		return 8
	case wireFixed4:
		return 4
	}
	return 0
}

// jsonPerValue is how many JSON objects and arrays one level of a value takes: {"kvlistValue":{"values":[{"key":...,"value":{...}}]}}.
const jsonPerValue = 4

// jsonAround is how many are around the outermost value of a request, with some to spare.
const jsonAround = 32

// CheckNestingJSON is CheckNesting for OTLP/JSON. It counts brackets only; whether the body is JSON is for its reader to say.
func CheckNestingJSON(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > jsonPerValue*ValueDepthMax+jsonAround {
				return ErrNesting
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
