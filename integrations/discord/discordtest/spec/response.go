package spec

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
)

// pass lets the handler answer, keeps a copy, and holds it to the document.
func (c *Checker) pass(w http.ResponseWriter, r *http.Request, op *operation, next http.Handler) {
	answer := &recorder{ResponseWriter: w}
	defer func() {
		if p := recover(); p != nil { // a lost answer: http.ErrAbortHandler
			panic(p)
		}
		if answer.taken {
			return // the connection was taken over: a fault that cuts it
		}
		if answer.status == 0 {
			answer.status = http.StatusOK
		}
		violations := c.answer(op, answer.status, w.Header(), answer.body.Bytes())
		c.note(op.ID, func(n *Count) {
			n.Answers[answer.status]++
			if len(violations) > 0 {
				n.Faulty++
			}
		})
		if len(violations) > 0 {
			c.report("%s", describeAll(fmt.Sprintf("an answer (%d) is not as Discord answers", answer.status), r, op.ID, violations, answer.body.Bytes()))
		}
	}()
	next.ServeHTTP(answer, r)
}

// recorder keeps what is written.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	taken  bool
}

func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *recorder) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is below.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush and Hijack are here for handlers that ask for the interfaces themselves.
func (a *recorder) Flush() {
	if f, ok := a.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (a *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.taken = true
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// answer returns what is wrong with an answer.
func (c *Checker) answer(op *operation, status int, header http.Header, raw []byte) []violation {
	var all found
	if status >= 500 {
		return nil // an outage answers whatever its proxy says
	}
	if status == http.StatusTooManyRequests {
		return rateLimited(header, raw)
	}
	schema, listed := op.answers[strconv.Itoa(status)]
	if !listed && status >= 400 {
		schema, listed = op.answers["4XX"]
	}
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case !listed:
		all.add("status", "", strconv.Itoa(status), "the document has no such answer to %s", op.ID)
	case schema == "" && len(raw) > 0:
		all.add("document", "", string(raw), "this answer has no body")
	case schema == "":
	case err != nil || media != "application/json":
		all.add("content-type", "", header.Get("Content-Type"), "application/json is expected")
	default:
		value, err := decode(raw)
		if err != nil {
			all.add("body", "", "", "%v", err)
			break
		}
		faults, err := c.doc.loose.check(schema, forAnswer(value))
		if err != nil {
			all.add("document", "", "", "%v", err)
		}
		all = append(all, violationsOf(faults, value)...)
	}
	return append(all, rateHeaders(header)...)
}

// forAnswer rewrites what the document types otherwise than Discord answers: forwards,
// and the codes of a form's errors, which are words ("BASE_TYPE_REQUIRED") and no
// numbers (https://discord.com/developers/docs/reference#error-messages).
func forAnswer(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if name == "_errors" {
				wordsToNumbers(v[name])
			}
			v[name] = forAnswer(v[name])
		}
		forward(v)
		delete(v, forwardMark)
	case []any:
		for i := range v {
			v[i] = forAnswer(v[i])
		}
	}
	return v
}

func wordsToNumbers(v any) {
	list, _ := v.([]any)
	for _, item := range list {
		if e, ok := item.(map[string]any); ok && e["code"] != "" {
			if _, isWord := e["code"].(string); isWord {
				e["code"] = json.Number("0")
			}
		}
	}
}

// rateLimited holds a 429 to the documentation, not to the document: that wants a
// code which Discord leaves out. One that is no JSON comes from the proxy in front
// of Discord and passes.
// https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
func rateLimited(header http.Header, raw []byte) []violation {
	var all found
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil
	}
	var body struct {
		Message    *string  `json:"message"`
		RetryAfter *float64 `json:"retry_after"`
		Global     *bool    `json:"global"`
	}
	switch err := json.Unmarshal(raw, &body); {
	case err != nil:
		all.add("rate-limit", "", "", "%v", err)
	case body.Message == nil || body.RetryAfter == nil || body.Global == nil:
		all.add("rate-limit", "", "", "a 429 has message, retry_after and global")
	case *body.RetryAfter < 0:
		all.add("rate-limit", "retry_after", fmt.Sprint(*body.RetryAfter), "it is not negative")
	case *body.Global && header.Get("X-RateLimit-Global") != "true":
		all.add("rate-limit", "X-RateLimit-Global", header.Get("X-RateLimit-Global"), "a global 429 says true")
	}
	if header.Get("Retry-After") == "" {
		all.add("rate-limit", "Retry-After", "", "a 429 has this header")
	}
	switch scope := header.Get("X-RateLimit-Scope"); scope {
	case "user", "global", "shared":
	default:
		all.add("rate-limit", "X-RateLimit-Scope", scope, "a 429 has user, global or shared here")
	}
	return append(all, rateHeaders(header)...)
}

// rateHeaders holds the rate limit's headers to numbers, where they are present.
func rateHeaders(header http.Header) []violation {
	var all found
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Reset-After", "Retry-After"} {
		value := header.Get(name)
		if value == "" {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err != nil || n < 0 {
			all.add("rate-limit", name, value, "it is a number that is not negative")
		}
	}
	return all
}
