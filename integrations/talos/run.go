package talos

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
	"unicode"

	"wardroom/bot/problem"
)

// mostOutput is how much of each of its outputs is read; the rest is thrown away.
const mostOutput = 1 << 20

// program runs the binary itself: no shell, no input, and of the environment only
// where to find things.
func program(binary string) Runner {
	return func(ctx context.Context, args []string) ([]byte, []byte, int, error) {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.WaitDelay = 2 * time.Second // a grandchild may keep the outputs open
		for _, name := range []string{"PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
			if value, is := os.LookupEnv(name); is {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
		}
		var out, errs capped
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if exited, is := errors.AsType[*exec.ExitError](err); is && ctx.Err() == nil {
			return out.kept.Bytes(), errs.kept.Bytes(), exited.ExitCode(), nil
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out.kept.Bytes(), errs.kept.Bytes(), 0, err
	}
}

// capped keeps the first [mostOutput] bytes. The buffer is a field: embedded it would
// be read into without Write.
type capped struct{ kept bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.kept.Write(p[:min(len(p), mostOutput-c.kept.Len())])
	return len(p), nil
}

// answer is what one run of talosctl said.
type answer struct {
	out  []byte
	says string // the last line of its errors; "" when it ended well
	exit int
}

// ask runs talosctl. An Unavailable problem says that it cannot be run, or gave no
// answer in time: then err is ctx's within.
func (t *Talos) ask(ctx context.Context, args ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	all := []string{"--talosconfig", t.Config}
	if t.Context != "" {
		all = append(all, "--context", t.Context)
	}
	out, errs, exit, err := t.Run(ctx, append(all, args...))
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return answer{}, problem.New(problem.Unavailable, "there is no %s on this machine", t.Binary).WithHint("install talosctl in the version of your machines, or give talos.binary its path").Because(err)
	case ctx.Err() != nil:
		return answer{}, problem.New(problem.Unavailable, "talosctl gave no answer within %v", t.Timeout).Because(ctx.Err())
	case err != nil:
		return answer{}, problem.New(problem.Unavailable, "talosctl cannot be run").WithHint("is %s a program that Wardroom may run?", t.Binary).Because(err)
	}
	a := answer{out: out, exit: exit}
	if exit != 0 {
		a.says = lastLine(errs)
	}
	return a, nil
}

// longestSaid is how much of what talosctl says about an error people are shown.
const longestSaid = 200

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(lines[len(lines)-1], "�"))
	last = strings.Join(strings.Fields(last), " ")
	if runes := []rune(last); len(runes) > longestSaid {
		last = string(runes[:longestSaid]) + "…"
	}
	if last == "" {
		return "it does not say why"
	}
	return last
}

// failure is why talosctl ended as it did.
func (a answer) failure() error {
	switch {
	case strings.Contains(a.says, "PermissionDenied"), strings.Contains(a.says, "Unauthenticated"), strings.Contains(a.says, "not authorized"):
		return problem.New(problem.Forbidden, "the talosconfig may not do that: %s", a.says).WithHint("it needs the role os:operator; docs/talos.md shows how to make one")
	}
	return problem.New(problem.Unavailable, "talosctl: %s", a.says)
}

// neverSent reports whether an error says that no machine was reached.
func (a answer) neverSent() bool {
	for _, sign := range []string{"Error while dialing", "connection refused", "no such host", "failed to determine endpoints", "talos config", "talosconfig"} {
		if strings.Contains(a.says, sign) {
			return true
		}
	}
	return false
}

// https://datatracker.ietf.org/doc/html/rfc1123#section-2
var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// nodes are addresses as one argument. What is neither an address nor the name of a
// host is refused: it would mean something else to talosctl.
func nodes(addresses []string) (string, error) {
	if len(addresses) == 0 {
		return "", problem.New(problem.Invalid, "which machine?")
	}
	for _, a := range addresses {
		if ip, err := netip.ParseAddr(a); err == nil && ip.Zone() == "" {
			continue
		}
		if len(a) > 253 || !hostname.MatchString(a) {
			return "", problem.New(problem.Invalid, "%.80q is neither an address nor the name of a host", a)
		}
	}
	return strings.Join(addresses, ","), nil
}
