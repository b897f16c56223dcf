package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/problem"
)

// sender is a source with what is prepared for it.
type sender struct {
	alert.Source
	header    alert.HeaderVerifier // nil when the body is needed to verify
	challenge string
}

func senders(sources []alert.Source) (map[string]*sender, error) {
	m := make(map[string]*sender, len(sources))
	for _, src := range sources {
		if _, twice := m[src.Name()]; twice || src.Name() == "" {
			return nil, fmt.Errorf("web: there are two sources called %q, or one without a name", src.Name())
		}
		one := &sender{Source: src, challenge: `Bearer realm="wardroom"`}
		one.header, _ = src.(alert.HeaderVerifier)
		if c, ok := src.(interface{ Challenge() string }); ok {
			one.challenge = c.Challenge()
		}
		m[src.Name()] = one
	}
	return m, nil
}

// webhook records the alerts of one request. The answer is 2xx only when they
// are on disk. Every 4xx means that the same request will never be accepted:
// Alertmanager gives that message up, until the group's next. Whatever may pass is
// a 503, which it repeats at once.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	result, received, err := s.receive(w, r)
	if err != nil {
		if errors.Is(err, errSize) {
			drain(w, r)
			w.Header().Set("Connection", "close")
		}
		s.refuse(w, r, err)
		return
	}
	answer(w, received, result.New)
}

func (s *Server) receive(w http.ResponseWriter, r *http.Request) (result alert.Result, received int, err error) {
	src := s.sources[r.PathValue("name")]
	if src == nil {
		return result, 0, problem.New(problem.NotFound, "nobody sends to this path").WithHint("the configuration names the senders, intake; /webhooks/alertmanager and /webhooks/generic are always there")
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return result, 0, errMethod
	}
	if src.header != nil {
		if err := src.header.VerifyHeader(r.Header); err != nil {
			w.Header().Set("WWW-Authenticate", src.challenge)
			return result, 0, err
		}
	}
	if err := checkContent(r); err != nil {
		return result, 0, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), intakeDeadline)
	defer cancel()
	if err := s.enter(ctx); err != nil {
		return result, 0, err
	}
	defer s.leave()

	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	body, err := readBody(r, buf)
	if err != nil {
		return result, 0, err
	}
	if src.header == nil {
		if err := src.Verify(r.Header, body); err != nil {
			w.Header().Set("WWW-Authenticate", src.challenge)
			return result, 0, err
		}
	}
	alerts, err := src.Decode(r.Header, body)
	if err != nil {
		return result, 0, err
	}
	result, err = s.options.Intake.Record(ctx, alerts, "")
	s.metrics.recorded(src.Name(), result)
	if err != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = problem.New(problem.Unavailable, "the alerts could not be recorded within %v", intakeDeadline).WithHint("send them again").Because(err)
	}
	return result, len(alerts), err
}

// enter waits for one of the places in which requests are worked on.
func (s *Server) enter(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	s.metrics.waits.Inc()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return problem.New(problem.Unavailable, "too many alerts are coming in at once").WithHint("send them again")
	}
}

func (s *Server) leave() { <-s.slots }

var (
	errMethod = errors.New("method")

	errType = problem.New(problem.Unsupported, "the body is not declared as JSON").WithHint("send Content-Type: application/json")
	errCode = problem.New(problem.Unsupported, "the body is compressed").WithHint("send it without Content-Encoding")
	errSize = problem.New(problem.TooLarge, "the body has more than %d MiB", MaxBody>>20).WithHint("set max_alerts on Alertmanager's receiver")
)

func checkContent(r *http.Request) error {
	if r.ContentLength > MaxBody {
		return errSize
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return errCode
	}
	declared := r.Header.Get("Content-Type")
	if declared == "application/json" {
		return nil
	}
	media, _, err := mime.ParseMediaType(declared)
	if err != nil || (media != "application/json" && !(strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))) {
		return errType
	}
	return nil
}

// buffers hold bodies while they are decoded; decoders copy what they keep.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// readBody reads at most MaxBody into buf. http.MaxBytesReader would do it too,
// at the price of a closed connection and an allocation for each request.
func readBody(r *http.Request, buf *[]byte) ([]byte, error) {
	b := (*buf)[:0]
	if n := int(r.ContentLength) + 1; n > cap(b) && r.ContentLength > 0 {
		b = make([]byte, 0, n)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if len(b) > MaxBody {
			return nil, errSize
		}
		if errors.Is(err, io.EOF) {
			if cap(b) <= 256<<10 { // one giant must not make every buffer one
				*buf = b
			}
			return b, nil
		}
		if err != nil {
			return nil, problem.New(problem.Invalid, "the body broke off").Because(err)
		}
	}
}

var jsonType = []string{"application/json"}

func answer(w http.ResponseWriter, received, recorded int) {
	w.Header()["Content-Type"] = jsonType
	b := make([]byte, 0, 48)
	b = append(b, `{"received":`...)
	b = strconv.AppendInt(b, int64(received), 10)
	b = append(b, `,"new":`...)
	b = strconv.AppendInt(b, int64(recorded), 10)
	b = append(b, "}\n"...)
	_, _ = w.Write(b) // the alerts are on disk; whether the sender hears of it is its concern
}

const (
	// maxDrain and drainTime bound how far a body that is too large is read on, so
	// that its sender sees the answer and not a broken connection.
	maxDrain  = 4 << 20
	drainTime = 2 * time.Second
)

func drain(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
}
