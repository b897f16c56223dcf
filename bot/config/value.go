package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a static binary in an empty image has no zone files
)

// Addr is where a listener is bound. Host "" is every address of the machine.
type Addr struct {
	Host string
	Port int // 0 lets the system choose
}

// ParseAddr reads "127.0.0.1:8080", "[::1]:8080", ":8080".
func ParseAddr(s string) (Addr, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Addr{}, fmt.Errorf("%q is not an address: want HOST:PORT, as 127.0.0.1:8080", s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Addr{}, fmt.Errorf("%q: the port must be a number from 0 to 65535", s)
	}
	if host != "" && host != "localhost" {
		if _, err := netip.ParseAddr(host); err != nil {
			if _, err := ParseHost(host); err != nil {
				return Addr{}, fmt.Errorf("%q: %q is neither an IP address nor a host name", s, host)
			}
		}
	}
	return Addr{host, int(n)}, nil
}

// String is the form that net.Listen takes; "" for the zero Addr.
func (a Addr) String() string {
	if a.IsZero() {
		return ""
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// IsZero reports whether no address was given.
func (a Addr) IsZero() bool { return a == Addr{} }

// Loopback reports whether only this machine can reach the address.
func (a Addr) Loopback() bool {
	ip, err := netip.ParseAddr(a.Host)
	return a.Host == "localhost" || err == nil && ip.IsLoopback()
}

var hostLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseHost reads a host name and returns it in lower case. It refuses addresses,
// ports and schemes.
func ParseHost(s string) (string, error) {
	h := strings.TrimSuffix(strings.ToLower(s), ".")
	if h == "" || len(h) > 253 {
		return "", fmt.Errorf("%q is not a host name", s)
	}
	if _, err := netip.ParseAddr(h); err == nil {
		return "", fmt.Errorf("%q is an address, not a host name", s)
	}
	for label := range strings.SplitSeq(h, ".") {
		if !hostLabel.MatchString(label) {
			return "", fmt.Errorf("%q is not a host name: want letters, digits and hyphens between dots, without scheme and port", s)
		}
	}
	return h, nil
}

var days = regexp.MustCompile(`^([0-9]{1,5})d`)

// ParseDuration reads "30m", "1h30m", "2d", "1d12h". It refuses a bare number,
// which would leave its unit to be guessed, and anything below zero.
func ParseDuration(s string) (time.Duration, error) {
	var d time.Duration
	rest := s
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		d, rest = time.Duration(n)*24*time.Hour, s[len(m[0]):]
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || rest == "0" && d != 0 || more < 0 {
			return 0, fmt.Errorf("%q is not a duration: want a number and a unit, as 90s, 10m, 1h30m, 2d", s)
		}
		d += more
	}
	if s == "" || d < 0 {
		return 0, fmt.Errorf("%q is not a duration: want a number and a unit, as 90s, 10m, 1h30m, 2d", s)
	}
	return d, nil
}

// FormatDuration is what ParseDuration reads, without parts that are zero:
// "15m", "1h30m".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseZone reads a name of the IANA time zone database. The zones are inside
// the binary, so the answer is the same on every machine.
func ParseZone(s string) (*time.Location, error) {
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		return nil, fmt.Errorf("%q is not a time zone: want a name as UTC, Europe/Berlin or America/New_York", s)
	}
	return zone, nil
}

// ParseURL reads an absolute http or https URL. It refuses credentials inside:
// URLs are logged.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not a URL: want http://HOST or https://HOST", withoutUserinfo(s))
	case u.User != nil:
		return nil, fmt.Errorf("the URL %s carries credentials: URLs are logged, so give them under auth", u.Redacted())
	}
	return u, nil
}

// withoutUserinfo keeps what may be a password out of an error message.
func withoutUserinfo(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "…" + s[i:]
	}
	return s
}
