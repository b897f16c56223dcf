package redis

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wardroom/bot/fleet"
)

// scripted is a connection whose other side says this, whatever it is told.
type scripted struct {
	said io.Reader
	net.Conn
}

func (s *scripted) Read(p []byte) (int, error)       { return s.said.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetDeadline(time.Time) error      { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }

func TestGuardLetsOnlyBearableAnswersThrough(t *testing.T) {
	for name, tt := range map[string]struct {
		said string
		ok   bool
	}{
		"a status":         {"+OK\r\n", true},
		"a text":           {"$5\r\n*9\r\n1\r\n", true},
		"no text":          {"$-1\r\n", true},
		"a list":           {"*2\r\n$1\r\na\r\n:5\r\n", true},
		"a long text":      {"$262144\r\n" + strings.Repeat("$", 262144) + "\r\n", true},
		"too long":         {"$262145\r\n", false},
		"a huge list":      {"*4097\r\n", false},
		"a negative one":   {"*-2\r\n", false},
		"no number":        {"$x\r\n", false},
		"overflow":         {"$99999999999999999999\r\n", false},
		"HTML":             {"<html>\r\n", false},
		"an endless line":  {"+" + strings.Repeat("a", 20000), false},
		"lists in lists":   {strings.Repeat("*1\r\n", 20001), false},
		"more than a lot":  {strings.Repeat("$200000\r\n"+strings.Repeat("a", 200000)+"\r\n", 6), false},
		"an empty line":    {"\r\n", false},
		"a text cut apart": {"$3\r\nab", true},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			if name != "a long text" || piece > 1 { // byte by byte that takes long
				g := guard(&scripted{said: strings.NewReader(tt.said)})
				got, err := io.ReadAll(pieces{g, piece})
				if (err == nil) != tt.ok || tt.ok && string(got) != tt.said {
					t.Errorf("%s, %d at a time: %v", name, piece, err)
				}
			}
		}
	}
}

// pieces reads so many bytes at a time.
type pieces struct {
	io.Reader
	most int
}

func (p pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.most)]) }

// Whatever the other side says, it is decoded or refused, at once.
func FuzzAnswers(f *testing.F) {
	for _, said := range []string{"+OK\r\n", "-NOAUTH x\r\n$4\r\nrole\r\n:1\r\n", "*2\r\n$2\r\nip\r\n$1\r\na\r\n", "%1\r\n+a\r\n+b\r\n", "*1\r\n*1\r\n*1\r\n:1\r\n",
		"-ERR\r\n$41\r\nrun_id:a\r\nrole:slave\r\nmaster_host:\x00\xff\r\n\r\n:-9\r\n", ">3\r\n", "|1\r\n", "_\r\n", "(99\r\n", "=9\r\ntxt:abcde\r\n"} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		r := New(Options{Declared: []Set{{RedisSet: fleet.RedisSet{Name: "x", Workload: fleet.Object{Name: "x"}, Master: "m"}, Address: podPlace + ":1", Sentinels: []string{"s:1"}, Timeout: 5 * time.Second}},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				return &scripted{said: bytes.NewReader(said)}, nil
			}})
		v, err := r.Look(t.Context(), "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range v.Instances {
			if i.Answers() == (i.Role == "") || len(i.Why) > 1000 || strings.ContainsAny(i.Master+i.Run+i.Version+i.History, "\x00\n\x1b ") {
				t.Errorf("%+v", i)
			}
		}
	})
}
