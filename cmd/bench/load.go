package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is a closed loop of clients, each with one connection that is kept alive.
type load struct {
	addr, token string
	clients     int
	alerts      int // in each request, every fingerprint new
	next        *atomic.Uint64
	severity    string
}

// result of one load.
type result struct {
	requests int
	took     time.Duration
	p50, p99 time.Duration
}

func (r result) perSecond() float64 { return float64(r.requests) / r.took.Seconds() }

// run sends until window is over, or until most requests were answered (0: no
// bound). Any answer but a 2xx ends it with an error.
func (l load) run(ctx context.Context, window time.Duration, most int) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var sent atomic.Int64
	var wg sync.WaitGroup
	times := make([][]time.Duration, l.clients)
	begin := time.Now()
	deadline := begin.Add(window)
	for i := range l.clients {
		wg.Go(func() {
			if err := l.client(ctx, deadline, most, &sent, &times[i]); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return result{}, err
	}
	all := slices.Concat(times...)
	if len(all) == 0 {
		return result{}, errors.New("no request was answered")
	}
	slices.Sort(all)
	return result{len(all), took, all[len(all)/2], all[len(all)*99/100]}, ctx.Err()
}

func (l load) client(ctx context.Context, deadline time.Time, most int, sent *atomic.Int64, times *[]time.Duration) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 4096)
	request := l.request()
	for ctx.Err() == nil && time.Now().Before(deadline) {
		if most > 0 && sent.Add(1) > int64(most) {
			return nil
		}
		request.renew(l.next)
		begin := time.Now()
		if _, err := conn.Write(request.bytes); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if err := answer(in); err != nil {
			return err
		}
		*times = append(*times, time.Since(begin))
	}
	return nil
}

// request is a request that is written once and then only gets new numbers, so
// that the load generator takes as little as it can of the machine it measures.
type request struct {
	bytes    []byte
	decimals []int // where each alert's number stands, twice
	prints   []int // where its fingerprint stands
}

const (
	decimalWidth = 10
	printWidth   = 16
)

func (l load) request() *request {
	var body bytes.Buffer
	body.WriteString(`{"version":"4","groupKey":"{}:{alertname=\"bench\"}","truncatedAlerts":0,"status":"firing","receiver":"wardroom","groupLabels":{"alertname":"bench"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager","alerts":[`)
	var r request
	for i := range l.alerts {
		if i > 0 {
			body.WriteByte(',')
		}
		body.WriteString(`{"status":"firing","labels":{"alertname":"kubernetes/pod-not-healthy","namespace":"default","pod":"site-`)
		r.decimals = append(r.decimals, body.Len())
		fmt.Fprintf(&body, `%0*d","severity":%q},"annotations":{"summary":"Pod site-`, decimalWidth, 0, l.severity)
		r.decimals = append(r.decimals, body.Len())
		fmt.Fprintf(&body, `%0*d has not been ready for 5 minutes"},"startsAt":"2026-01-02T03:04:05.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus/graph?g0.expr=up","fingerprint":"`, decimalWidth, 0)
		r.prints = append(r.prints, body.Len())
		fmt.Fprintf(&body, `%0*x"}`, printWidth, 0)
	}
	body.WriteString(`]}`)
	header := fmt.Sprintf("POST /webhooks/alertmanager HTTP/1.1\r\nHost: wardroom\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", l.token, body.Len())
	for i := range r.decimals {
		r.decimals[i] += len(header)
	}
	for i := range r.prints {
		r.prints[i] += len(header)
	}
	r.bytes = append([]byte(header), body.Bytes()...)
	return &r
}

// renew gives every alert a fingerprint that was never sent. Multiplying by an
// odd number spreads them as real ones are: no two next to each other.
func (r *request) renew(next *atomic.Uint64) {
	for i, at := range r.prints {
		n := next.Add(1)
		digits(r.bytes[r.decimals[2*i]:][:decimalWidth], n, 10)
		digits(r.bytes[r.decimals[2*i+1]:][:decimalWidth], n, 10)
		digits(r.bytes[at:][:printWidth], n*0x9e3779b97f4a7c15, 16)
	}
}

// digits writes n right-aligned over b.
func digits(b []byte, n, base uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[n%base]
		n /= base
	}
}

// answer reads one response and fails unless it is a 2xx.
func answer(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if line == "\r\n" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return fmt.Errorf("content length %q", value)
			}
		}
	}
	if strings.HasPrefix(status, "HTTP/1.1 2") {
		_, err := in.Discard(length)
		return err
	}
	body := make([]byte, min(length, 4096))
	if _, err := io.ReadFull(in, body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return fmt.Errorf("answered %s: %s", strings.TrimSpace(status), body)
}
