package tlsfiles

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"clew/internal/access/testca"
)

// echo serves TLS and says back what comes, until the test ends.
func echo(t *testing.T, s *Server) string {
	t.Helper()
	config, err := s.Config(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // until the client leaves
			}()
		}
	}()
	return l.Addr().String()
}

// say sends a byte and reads it back: only then has the server taken the client's certificate.
func say(conn net.Conn) error {
	if _, err := conn.Write([]byte("x")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}

// A renewed certificate is served to who comes next; who is there stays, and a file that cannot be used changes nothing.
func TestRenewal(t *testing.T) {
	ca := testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	address := echo(t, &Server{CertFile: cert, KeyFile: key})
	dial := func() *tls.Conn {
		conn, err := tls.Dial("tcp", address, ca.Client(t, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	serial := func(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].SerialNumber.String() }
	first := dial()
	if err := os.WriteFile(cert, []byte("-----BEGIN CERT"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(lookEvery + 50*time.Millisecond) // the files' times are the file system's: a clock of ours would not move them
	if serial(dial()) != serial(first) {
		t.Error("another certificate, of a file that holds none")
	}
	ca.Issue(t, "clew", time.Hour)
	for deadline := time.Now().Add(10 * time.Second); serial(dial()) == serial(first); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the renewed certificate is not served")
		}
	}
	if err := say(first); err != nil {
		t.Errorf("the connection from before the renewal: %v", err)
	}
}

func TestClientCertificates(t *testing.T) {
	ca, foreign := testca.New(t), testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	good, goodKey := ca.Issue(t, "good", time.Hour)
	ended, endedKey := ca.Issue(t, "ended", -time.Minute)
	other, otherKey := foreign.Issue(t, "other", time.Hour)
	for _, test := range []struct {
		optional  bool
		cert, key string
		ok        bool
	}{
		{false, "", "", false},
		{true, "", "", true},
		{false, good, goodKey, true},
		{true, good, goodKey, true},
		{false, ended, endedKey, false},
		{true, ended, endedKey, false},
		{false, other, otherKey, false},
		{true, other, otherKey, false},
	} {
		address := echo(t, &Server{CertFile: cert, KeyFile: key, ClientCAFile: ca.File, ClientCertOptional: test.optional})
		client := &Client{CAFile: ca.File, CertFile: test.cert, KeyFile: test.key}
		config, err := client.Config(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := tls.Dial("tcp", address, config)
		if err == nil {
			err = say(conn)
			conn.Close()
		}
		if (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestValidate(t *testing.T) {
	ca := testca.New(t)
	cert, key := ca.Issue(t, "clew", time.Hour)
	_, otherKey := ca.Issue(t, "other", time.Hour)
	for _, s := range []Server{{}, {CertFile: cert}, {CertFile: cert, KeyFile: otherKey}, {CertFile: cert, KeyFile: key, ClientCAFile: key}, {CertFile: cert, KeyFile: key, ClientCertOptional: true}} {
		if len(s.Validate()) != 1 {
			t.Errorf("%+v: %v", s, s.Validate())
		}
	}
	if errs := (&Server{CertFile: cert, KeyFile: key, ClientCAFile: ca.File, ClientCertOptional: true}).Validate(); len(errs) > 0 {
		t.Error(errs)
	}
	for _, c := range []Client{{CAFile: key}, {CertFile: cert}, {CertFile: cert, KeyFile: otherKey}} {
		if len(c.Validate()) != 1 {
			t.Errorf("%+v: %v", c, c.Validate())
		}
	}
}
