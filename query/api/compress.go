package api

import (
	"net"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// compressed is the handler that compresses JSON for those who accept it and are elsewhere. Pages and metrics bring their own compression.
//
// A program on the same machine gets JSON as it is: loopback moves gigabytes a second, while compressing and decompressing a trace of 100,000
// spans cost more than making the answer.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressBytesMin), gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.ContentTypes([]string{"application/json", "application/yaml"}))
	if err != nil {
		panic(err) // the options are constants
	}
	zipped := wrap(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if onThisMachine(r) {
			h.ServeHTTP(w, r)
			return
		}
		zipped.ServeHTTP(w, r)
	})
}

// onThisMachine says whether the answer stays on this machine: it was asked for over loopback, and no proxy says that it asks for somebody else.
func onThisMachine(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
