package check

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// clew is the program, built for these tests.
var clew string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "clew-deploy")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	clew = filepath.Join(dir, "clew")
	build := exec.Command("go", "build", "-o", clew, "./cmd/clew")
	build.Dir = top("")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build clew: %v\n%s", err, out)
		os.Exit(2)
	}
	if err := makeCertificate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// top is a path from the top of the repository.
func top(path string) string { return filepath.Join("..", "..", path) }

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(top(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// says runs clew and returns what it prints.
func says(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, clew, args...).CombinedOutput()
	if err != nil {
		t.Errorf("clew %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// checkConfig gives a clew.yaml to clew, with files that mounts would bring.
func checkConfig(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	for _, mounted := range regexp.MustCompile(`_file: /etc/clew/(\S+)`).FindAllStringSubmatch(text, -1) {
		writeMounted(t, filepath.Join(dir, mounted[1]))
	}
	text = strings.ReplaceAll(text, "_file: /etc/clew/", "_file: "+dir+"/")
	file := filepath.Join(dir, "clew.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if says(t, "config", "check", file); t.Failed() {
		t.Log(text)
	}
}

// writeMounted writes what a Secret would have at a path: a certificate, its key, or a word.
func writeMounted(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	data := []byte("0123456789abcdef0123456789abcdef")
	switch filepath.Ext(path) {
	case ".crt":
		data = certificate.cert
	case ".key":
		data = certificate.key
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate is one of its own authority, in PEM.
var certificate struct{ cert, key []byte }

func makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"clew"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certificate.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certificate.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return nil
}

// commands are those that a container or unit may be started with.
var commands = []string{"run", "agent", "ready"}

// checkCommand says whether clew has the command and the flags of a command line, which begins with clew's first argument.
func checkCommand(t *testing.T, where string, args []string) {
	t.Helper()
	if len(args) == 0 || !slices.Contains(commands, args[0]) {
		t.Errorf("%s: %q: want one of %v first", where, args, commands)
		return
	}
	help := says(t, args[0], "--help")
	for _, arg := range args[1:] {
		flag := regexp.MustCompile(`^--[a-z][a-z-]*`).FindString(arg)
		if flag != "" && !regexp.MustCompile(regexp.QuoteMeta(flag)+`[ \n]`).MatchString(help) {
			t.Errorf("%s: clew %s has no flag %s", where, args[0], flag)
		}
	}
}

// checkRole says whether a process's command line names a role that there is.
func checkRole(t *testing.T, where, role string) {
	t.Helper()
	if !slices.Contains([]string{"collector", "ingest", "query"}, role) {
		t.Errorf("%s: role %q", where, role)
	}
}

// TestHelpersFail shows that what is wrong is found.
func TestHelpersFail(t *testing.T) {
	help := says(t, "run", "--help")
	for _, flag := range []string{"--data", "--config", "--role", "--name", "--flight", "--nats", "--store"} {
		if !strings.Contains(help, flag+" ") {
			t.Errorf("clew run --help does not tell of %s", flag)
		}
	}
	file := filepath.Join(t.TempDir(), "clew.yaml")
	if err := os.WriteFile(file, []byte("htpp: 127.0.0.1:7400\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), clew, "config", "check", file).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("http")) {
		t.Errorf("an unknown key: %v, %s", err, out)
	}
}

// noSecret says whether a file holds what should be in a Secret.
func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, pattern := range []string{`clew_[A-Za-z0-9_-]{20,}`, `AKIA[0-9A-Z]{16}`, `-----BEGIN [A-Z ]*PRIVATE KEY`, `(?i)(password|secret_?key|token):\s*["']?[A-Za-z0-9+/]{8,}`} {
		if found := regexp.MustCompile(pattern).FindString(text); found != "" {
			t.Errorf("%s has a secret: %s", where, found)
		}
	}
}
