package stock

import "time"

const (
	// bodyBytesMax bounds a request, decompressed. The stock receivers have no bound on all requests together, so that of one is low; clients of
	// these protocols send less than a mebibyte by default.
	bodyBytesMax = 16 << 20

	// retryFor is how long the syslog receiver offers the pipeline what that has refused, while it reads nothing more of the connection. Syslog has no
	// answer: what is given up then is lost, and counted.
	retryFor = 5 * time.Minute

	// messageBytesMax bounds a syslog message. RFC 5425 wants 8 KiB at least; applications send stack traces.
	messageBytesMax = 256 << 10

	// stockBytesMax is what a message may have where a configuration says nothing: the stock receiver's default.
	stockBytesMax = 1 << 20

	// countDigitsMax bounds the count of a frame: nobody counts more.
	countDigitsMax = 10
	// ReloadCertificates is how often the files of listeners' certificates are read again while connections are made. They are renewed days before they end.
	ReloadCertificates = 5 * time.Second
)
