package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Host is one machine of the network: a network namespace with one device.
type Host struct {
	IP     string
	number byte
	space  *os.File // nil: this process's own namespace
	device *os.File
}

// Link is what happens to packets on their way from one host to another.
type Link struct {
	Cut   bool          // none arrives
	Loss  float64       // part of the packets that do not arrive
	Delay time.Duration // before each arrives
}

// Network is a switch between hosts. It is this process's: without it no packet passes.
type Network struct {
	hosts [hostsMax]*Host
	links [hostsMax][hostsMax]atomic.Pointer[Link] // from, to; nil: nothing is wrong
	mu    sync.Mutex
	late  map[[2]byte]chan latePacket // by link
	done  chan struct{}
}

type latePacket struct {
	due  time.Time
	data []byte
}

// NewNetwork makes a network without hosts.
func NewNetwork() *Network {
	return &Network{late: map[[2]byte]chan latePacket{}, done: make(chan struct{})}
}

// Add adds a host with the address 10.77.0.NUMBER, in a namespace of its own.
func (n *Network) Add(number byte) (*Host, error) {
	h := &Host{number: number}
	var err error
	onThread := func() error {
		before, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return err
		}
		defer before.Close()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if h.space, err = os.Open("/proc/thread-self/ns/net"); err == nil {
			err = h.open(number)
		}
		if back := unix.Setns(int(before.Fd()), unix.CLONE_NEWNET); back != nil {
			// Cannot happen: the namespace is held open by the file, and who could leave it may come back. Going on would let other code run on this thread.
			panic("a thread is left in another network namespace: " + back.Error())
		}
		return err
	}
	runtime.LockOSThread()
	err = onThread()
	runtime.UnlockOSThread()
	if err != nil {
		return nil, fmt.Errorf("host %d: %w", number, err)
	}
	n.attach(h, number)
	return h, nil
}

// AddSelf makes this process's own namespace a host, with several addresses: who asks and who answers in its name can then be told apart.
func (n *Network) AddSelf(numbers ...byte) (*Host, error) {
	h := &Host{number: numbers[0]}
	if err := h.open(numbers...); err != nil {
		return nil, fmt.Errorf("this host: %w", err)
	}
	n.attach(h, numbers...)
	return h, nil
}

func (n *Network) attach(h *Host, numbers ...byte) {
	for _, number := range numbers {
		n.hosts[number] = h
	}
	go n.carry(h)
}

func address(number byte) string { return fmt.Sprintf("10.77.0.%d", number) }

// open makes the device, in the calling thread's namespace.
func (h *Host) open(numbers ...byte) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	request, err := unix.NewIfreq("clew0")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return fmt.Errorf("TUN device: %w", err)
	}
	h.device, h.IP = os.NewFile(uintptr(fd), "tun"), address(numbers[0])
	commands := []string{"link set lo up", fmt.Sprintf("link set clew0 mtu %d txqueuelen %d up", packetBytesMax, queuePackets)}
	for _, number := range numbers {
		commands = append(commands, "addr add "+address(number)+"/24 dev clew0")
	}
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", c, err, out)
		}
	}
	return nil
}

// Command is a command line that runs in the host's namespace, as the same process.
func (h *Host) Command(name string, args ...string) []string {
	space := fmt.Sprintf("--net=/proc/%d/fd/%d", os.Getpid(), h.space.Fd())
	return append([]string{"nsenter", space, name}, args...)
}

// Between sets what happens between two hosts, one way. The zero Link is a good one.
func (n *Network) Between(from, to byte, l Link) { n.links[from][to].Store(&l) }

// Heal makes all links good.
func (n *Network) Heal() {
	for from := range n.links {
		for to := range n.links[from] {
			n.links[from][to].Store(nil)
		}
	}
}

// carry takes what a host sends to whom it is for, until the device is closed.
func (n *Network) carry(from *Host) {
	packet := make([]byte, packetBytesMax+64)
	for {
		size, err := from.device.Read(packet)
		if err != nil {
			return
		}
		const version, source, destination, header = 0, 15, 19, 20 // of IPv4; the last bytes of the addresses
		if size < header || packet[version]>>4 != 4 || packet[source] >= hostsMax || packet[destination] >= hostsMax {
			continue // IPv6 looks for routers
		}
		n.pass(packet[source], packet[destination], packet[:size])
	}
}

func (n *Network) pass(from, to byte, packet []byte) {
	h := n.hosts[to]
	if h == nil {
		return
	}
	if l := n.links[from][to].Load(); l != nil && *l != (Link{}) {
		switch {
		case l.Cut, l.Loss > 0 && rand.Float64() < l.Loss:
			return
		case l.Delay > 0:
			select {
			case n.lateOf(from, to) <- latePacket{time.Now().Add(l.Delay), append([]byte(nil), packet...)}:
			default: // a full queue drops, as a router's does
			}
			return
		}
	}
	_, _ = h.device.Write(packet) // a host that cannot take it has lost it
}

// lateOf is the queue of a link's delayed packets, which keeps their order.
func (n *Network) lateOf(from, to byte) chan latePacket {
	n.mu.Lock()
	defer n.mu.Unlock()
	queue := n.late[[2]byte{from, to}]
	if queue == nil {
		queue = make(chan latePacket, queuePackets)
		n.late[[2]byte{from, to}] = queue
		go func() {
			for {
				select {
				case p := <-queue:
					time.Sleep(time.Until(p.due))
					_, _ = n.hosts[to].device.Write(p.data) // as in pass
				case <-n.done:
					return
				}
			}
		}()
	}
	return queue
}

// Close ends the network: no packet passes any more.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, h := range n.hosts {
		if h == nil || i != int(h.number) {
			continue
		}
		h.device.Close() // packets that are still on their way find it closed
		if h.space != nil {
			h.space.Close()
		}
	}
	close(n.done)
}
