package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports that FreePorts gives lie below those that Linux gives to connections and to whoever listens on port 0 (32768 to 60999): between the moment that a port
// was found free and the one that a server listens on it, nobody gets it by chance.
const (
	portMin = 22000
	portEnd = 32000
)

// portTries is how many ports are looked at before it is said that none is free; a machine with even half of them taken finds one in far fewer.
const portTries = 1000

// reserved holds what keeps ports from being given twice. Test binaries run in parallel: an abstract Unix socket with the port's number in its name is seen by all
// processes of the machine (of its network namespace, as ports are), and goes with the process, however that ends.
var reserved struct {
	mu      sync.Mutex
	sockets []net.Listener
}

// FreePorts finds n loopback addresses, host:port, whose ports are free for TCP and for UDP. No other call gives them, in this process or another, until this
// process ends: a server may be killed and started again at the same port.
func FreePorts(n int) ([]string, error) {
	var addresses []string
	for tries := 0; len(addresses) < n; tries++ {
		if tries == n*portTries {
			return nil, fmt.Errorf("no free port between %d and %d", portMin, portEnd)
		}
		if address := "127.0.0.1:" + strconv.Itoa(portMin+rand.IntN(portEnd-portMin)); reserve(address) {
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}

// reserve says whether the port is ours now.
func reserve(address string) bool {
	socket, err := net.Listen("unix", "@clew-test-"+address)
	if err != nil {
		return false
	}
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		socket.Close()
		return false
	}
	tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		socket.Close()
		return false
	}
	udp.Close()
	reserved.mu.Lock()
	defer reserved.mu.Unlock()
	reserved.sockets = append(reserved.sockets, socket)
	return true
}
