package stock

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/syslogreceiver"
	"go.opentelemetry.io/collector/component"
	"golang.org/x/text/encoding"
)

// framed gives a syslog receiver over TCP our framing. The stock one reads octet-counted frames or lines, as it is configured, and takes what a sender of the other kind
// sends for rubbish, or waits for its end forever. Who configures lines of another kind has asked for those.
func framed(cfg component.Config) component.Config {
	c, ok := cfg.(*syslogreceiver.SysLogConfig)
	if !ok || c.InputConfig.TCP == nil || c.InputConfig.NonTransparentFramingTrailer != nil {
		return cfg
	}
	tcp := *c.InputConfig.TCP
	if tcp.OneLogPerPacket || tcp.SplitConfig.LineStartPattern != "" || tcp.SplitConfig.LineEndPattern != "" {
		return cfg
	}
	bytesMax := int(tcp.MaxLogSize)
	if bytesMax == 0 {
		bytesMax = stockBytesMax
	}
	tcp.SplitFuncBuilder = func(encoding.Encoding) (bufio.SplitFunc, error) { return frames(bytesMax), nil }
	own := *c
	own.InputConfig.TCP = &tcp
	own.InputConfig.EnableOctetCounting = false // the count is not part of what is parsed
	return &own
}

// frames splits a stream into messages, each framed in its own way (RFC 6587): one that begins with a count, a space and "<" has as many bytes as it says, any other ends with
// a newline or NUL. That is how rsyslog tells them apart, but for "<", without which a line that begins with a number would swallow those behind it. Empty lines are none.
// It keeps nothing between calls: one serves all connections.
func frames(bytesMax int) bufio.SplitFunc {
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		all := len(data)
		data = bytes.TrimLeft(data, "\r\n\x00")
		skipped := all - len(data)
		n, token, err := frame(data, bytesMax, atEOF)
		return skipped + n, token, err
	}
}

// frame is the message at the beginning of data. Without one, what was skipped before it is gone, and a scanner asks again with more.
func frame(data []byte, bytesMax int, atEOF bool) (advance int, token []byte, err error) {
	count, prefix, more := frameCount(data)
	switch {
	case len(data) == 0 || more && !atEOF:
		return 0, nil, nil
	case prefix > 0 && count > bytesMax-prefix:
		return 0, nil, fmt.Errorf("octet-counted frame of %d bytes: at most %d are taken", count, bytesMax-prefix)
	case prefix > 0 && prefix+count <= len(data):
		return prefix + count, data[prefix : prefix+count], nil
	case prefix > 0 && !atEOF:
		return 0, nil, nil
	case prefix > 0:
		return len(data), data[prefix:], nil // cut off: what there is of it
	}
	if i := bytes.IndexAny(data, "\n\x00"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// frameCount reads "<count> <" at the beginning: prefix is 0 if it is not there, more says that it cannot be known yet.
func frameCount(data []byte) (count, prefix int, more bool) {
	digits := 0
	for digits < len(data) && digits <= countDigitsMax && data[digits] >= '0' && data[digits] <= '9' {
		digits++
	}
	switch {
	case digits > countDigitsMax || digits == 0 && len(data) > 0 || digits > 0 && data[0] == '0':
		return 0, 0, false
	case len(data) < digits+2:
		return 0, 0, digits == len(data) || data[digits] == ' '
	case data[digits] != ' ' || data[digits+1] != '<':
		return 0, 0, false
	}
	count, err := strconv.Atoi(string(data[:digits]))
	if err != nil {
		return 0, 0, false
	}
	return count, digits + 1, false
}
