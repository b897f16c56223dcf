package discordtest

import (
	"errors"
	"net"
	"net/http"
	"sync"
)

// doorway is the listener that can be shut and opened again at the same address.
type doorway struct {
	addr string

	mu     sync.Mutex
	in     net.Listener
	down   bool
	closed bool
	conns  map[net.Conn]bool
	web    *http.Server
}

func openDoorway(addr string) (*doorway, error) {
	in, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &doorway{addr: in.Addr().String(), in: in, conns: map[net.Conn]bool{}}, nil
}

// shut gives what is accepted to nobody while the door is down.
type shut struct {
	net.Listener
	d *doorway
}

func (l shut) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.d.mu.Lock()
		down := l.d.down
		if !down {
			l.d.conns[c] = true
		}
		l.d.mu.Unlock()
		if !down {
			return c, nil
		}
		c.Close()
	}
}

func (d *doorway) serve(web *http.Server) {
	d.mu.Lock()
	d.web = web
	in := d.in
	d.mu.Unlock()
	go web.Serve(shut{in, d}) // ends with the listener
}

// track forgets connections that are closed. Hijacked ones stay, to be cut too.
func (d *doorway) track(c net.Conn, s http.ConnState) {
	if s == http.StateClosed {
		d.forget(c)
	}
}

func (d *doorway) forget(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}

// fall cuts every connection; new ones are cut at once or, with refuse, refused.
func (d *doorway) fall(refuse bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = true
	for c := range d.conns {
		c.Close()
	}
	clear(d.conns)
	if refuse && d.in != nil {
		d.in.Close()
		d.in = nil
	}
}

// rise takes connections again. The error is that the address is taken by now.
func (d *doorway) rise() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the simulated Discord is closed")
	}
	if d.in == nil {
		in, err := net.Listen("tcp", d.addr)
		if err != nil {
			return err
		}
		d.in = in
		go d.web.Serve(shut{in, d})
	}
	d.down = false
	return nil
}

func (d *doorway) close() {
	d.fall(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}
