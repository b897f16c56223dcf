package pgtest

import (
	"net"
	"sync"
)

// Wire is a way to a server, on the loopback address, that can be cut: then nothing comes
// through, and nobody is told.
type Wire struct {
	listener net.Listener
	to       string

	mu   sync.Mutex
	free *sync.Cond
	cut  bool
}

// NewWire leads to a TCP address until Close.
func NewWire(to string) (*Wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Wire{listener: l, to: to}
	w.free = sync.NewCond(&w.mu)
	go w.serve()
	return w, nil
}

// Addr is where the way begins.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Cut holds what is on its way until it is undone.
func (w *Wire) Cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	w.free.Broadcast()
}

// Close takes no more connections; what is held goes on.
func (w *Wire) Close() {
	w.Cut(false)
	_ = w.listener.Close() // nobody new comes, whatever it says
}

func (w *Wire) serve() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			far, err := net.Dial("tcp", w.to)
			if err != nil {
				_ = near.Close()
				return
			}
			go w.carry(far, near)
			w.carry(near, far)
		}()
	}
}

func (w *Wire) carry(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		for w.cut {
			w.free.Wait()
		}
		w.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
