package harness

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Ports that were given are not given again, here or in another process, though nobody listens on them.
func TestFreePorts(t *testing.T) {
	const n = 300
	mine, err := FreePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("CLEW_TEST_PORTS") != "" {
		os.Stdout.WriteString("ports " + strings.Join(mine, " ") + "\n")
		return
	}
	given := make(map[string]bool)
	for _, address := range mine {
		if given[address] {
			t.Errorf("%s is given twice", address)
		}
		given[address] = true
		if reserve(address) {
			t.Errorf("%s is taken from whom it was given to", address)
		}
	}
	other := exec.Command(os.Args[0], "-test.run=^TestFreePorts$")
	other.Env = append(os.Environ(), "CLEW_TEST_PORTS=1")
	out, err := other.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, list, _ := strings.Cut(string(out), "ports ")
	list, _, _ = strings.Cut(list, "\n")
	theirs := strings.Fields(list)
	if len(theirs) != n {
		t.Fatalf("the other process has %d ports:\n%s", len(theirs), out)
	}
	for _, address := range theirs {
		if given[address] {
			t.Errorf("%s is given to two processes", address)
		}
	}
	l, err := net.Listen("tcp", mine[0])
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// What somebody listens on, by TCP or by UDP, is not given.
func TestTakenPort(t *testing.T) {
	ports, err := FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	// reserve looks at the sockets of other processes and of this one: without them, it has only the port itself to go by.
	reserved.mu.Lock()
	for _, s := range reserved.sockets {
		s.Close()
	}
	reserved.sockets = nil
	reserved.mu.Unlock()
	tcp, err := net.Listen("tcp", ports[0])
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", ports[1])
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, address := range ports {
		if reserve(address) {
			t.Errorf("%s is given though it is in use", address)
		}
	}
	if tcp.Close(); !reserve(ports[0]) {
		t.Errorf("%s is free and not given", ports[0])
	}
}
