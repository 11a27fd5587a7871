package faults

import (
	"context"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"
)

// What is sent from another namespace arrives; not when the link is cut in one direction or the other; later when it is slow; and again when all is well.
func TestNetwork(t *testing.T) {
	m := theMachines(t)
	l, err := net.Listen("tcp", address(hosts["checker"])+":7")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 1)
				if _, err := io.ReadFull(conn, b); err == nil {
					heard <- struct{}{}
					_, _ = conn.Write(b)
				}
			}()
		}
	}()
	// There and back, as a process of the host does it.
	echo := func(within time.Duration) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		line := m.machines["nats-1"].Command("bash", "-c", "exec 3<>/dev/tcp/"+address(hosts["checker"])+"/7 && printf x >&3 && head -c 1 <&3")
		began := time.Now()
		out, err := exec.CommandContext(ctx, line[0], line[1:]...).Output()
		if err == nil && string(out) != "x" {
			t.Fatalf("%q came back", out)
		}
		return time.Since(began), err
	}
	from, to := hosts["nats-1"], hosts["checker"]
	if _, err := echo(10 * time.Second); err != nil {
		t.Fatalf("nothing is wrong, and nothing arrives: %v", err)
	}
	<-heard
	for _, way := range [][2]byte{{from, to}, {to, from}} {
		m.Between(way[0], way[1], Link{Cut: true})
		if _, err := echo(500 * time.Millisecond); err == nil {
			t.Errorf("%v is cut, and an answer arrives", way)
		}
		m.Heal()
	}
	if len(heard) > 0 {
		t.Error("a connection was made although one direction is cut")
	}
	const delay = 100 * time.Millisecond
	m.Between(from, to, Link{Delay: delay})
	// Two of its packets have to arrive before the answer comes: the first of the handshake and what is sent.
	if took, err := echo(10 * time.Second); err != nil || took < 2*delay {
		t.Errorf("with a delay of %v: %v, %v", delay, took, err)
	}
	m.Between(from, to, Link{Loss: 1})
	if _, err := echo(500 * time.Millisecond); err == nil {
		t.Error("every packet is lost, and an answer arrives")
	}
	m.Heal()
	if _, err := echo(10 * time.Second); err != nil {
		t.Errorf("all is well again, and nothing arrives: %v", err)
	}
}
