package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wardroom/bot/config"
	"wardroom/bot/people"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/generic"
	"wardroom/integrations/socket"
	"wardroom/storage"
)

const (
	// Free space in bytes below which the data folder warns, and fails. A night with
	// thousands of alerts takes tens of megabytes.
	spaceWarning = 1 << 30
	spaceFailure = 100 << 20
	// oldToken is the age above which a new token is proposed.
	oldToken = 365 * 24 * time.Hour
)

// configuration finds also those mistakes that only the parts themselves know.
func (k *checker) configuration(context.Context) (checks.Finding, error) {
	path := k.config.Path
	var faults []error
	_, err := ruleDelays(k.config.Intake.Alertmanager.Rules)
	faults = append(faults, err)
	_, err = sources(k.config.Intake, config.NewSecret("any"), shellLog())
	faults = append(faults, err)
	_, err = k.pages()
	if err := errors.Join(append(faults, err)...); err != nil {
		return checks.Fail("%v", err).WithHint("docs/reference/configuration.md lists every key"), nil
	}
	if path == "" {
		return checks.Fine("there is no %s: the defaults hold", configName).WithHint("`wardroom init` writes one, question by question"), nil
	}
	if n := len(k.config.Warnings); n > 0 {
		lines := make([]string, n)
		for i, w := range k.config.Warnings {
			lines[i] = "  " + w.Error()
		}
		return checks.Warn("%s has %s:\n%s", path, plural(n, "warning", "warnings"), strings.Join(lines, "\n")), nil
	}
	return checks.Fine("%s, mode %s, time zone %s", path, k.config.Mode, k.config.Timezone), nil
}

func (k *checker) people(context.Context) (checks.Finding, error) {
	all := k.config.People.All()
	var leads int
	var blind []string
	for _, p := range all {
		if p.Has(people.Lead) {
			leads++
		}
		if len(p.UIDs) == 0 {
			blind = append(blind, p.Name)
		}
	}
	text := fmt.Sprintf("%s, %s", plural(len(all), "person", "people"), plural(leads, "lead", "leads"))
	_, known := k.config.People.ByUID(k.uid)
	switch {
	case leads == 0:
		return checks.Warn("%s: nobody can merge, erase, freeze or approve", text).WithHint("give somebody the role lead, under people"), nil
	case k.uid >= 0 && !known:
		return checks.Warn("%s; your Unix user %d is none of them, so this shell is refused", text, k.uid).
			WithHint("add uid: %d to your entry under people", k.uid), nil
	case len(blind) > 0:
		return checks.Fine("%s", text).WithHint("without uid, the shell does not know %s", strings.Join(blind, ", ")), nil
	}
	return checks.Fine("%s", text), nil
}

// senders says who shares the generated token.
func (k *checker) senders(context.Context) (checks.Finding, error) {
	var sharing, configured []string
	if k.config.Intake.Alertmanager.Inbound.IsZero() {
		sharing = append(sharing, "alertmanager")
	}
	native := false
	for _, g := range k.config.Intake.Generic {
		native = native || g.Name == generic.DefaultName
		if g.Inbound.IsZero() {
			sharing, configured = append(sharing, g.Name), append(configured, g.Name)
		}
	}
	if !native {
		sharing = append(sharing, generic.DefaultName)
	}
	if len(sharing) == 0 {
		return checks.Fine("every sender has a credential of its own"), nil
	}
	path := filepath.Join(k.data, tokenFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checks.Fine("%s is made at the first start, for %s", path, strings.Join(sharing, ", ")), nil
	case err != nil:
		return checks.Finding{}, err
	}
	age := k.clock.Now().Sub(info.ModTime())
	f := checks.Fine("%s, %s old, is the credential of %s", path, roughly(age), strings.Join(sharing, ", "))
	switch {
	case age > oldToken:
		f = f.WithHint("to make a new one, remove the file, restart, and give the new one to the senders")
	case len(configured) > 0:
		f = f.WithHint("with a token_file of its own, each of %s could be shut out alone", strings.Join(configured, ", "))
	}
	return f, nil
}

func (k *checker) dataFolder(context.Context) (checks.Finding, error) {
	info, err := os.Stat(k.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checks.Warn("%s does not exist; it is made at the first start", k.data), nil
	case err != nil:
		return checks.Finding{}, err
	case !info.IsDir():
		return checks.Fail("%s is not a folder", k.data), nil
	}
	if err := unix.Access(k.data, unix.W_OK|unix.X_OK); err != nil {
		return checks.Fail("%s cannot be written: %v", k.data, err).WithHint("it must belong to the user that Wardroom runs as"), nil
	}
	free, total, err := k.space(k.data)
	if err != nil {
		return checks.Finding{}, fmt.Errorf("free space of %s: %w", k.data, err)
	}
	text := fmt.Sprintf("%s, %s of %s free", k.data, byteText(free), byteText(total))
	hint := "when it is full nothing can be recorded, and senders are told to try again; look for old copies (*.bak) first"
	switch {
	case free < spaceFailure:
		return checks.Fail("%s", text).WithHint("%s", hint), nil
	case free < spaceWarning:
		return checks.Warn("%s", text).WithHint("%s", hint), nil
	case info.Mode().Perm()&0o022 != 0:
		return checks.Warn("%s; others may write in it (mode %04o)", text, info.Mode().Perm()).WithHint("chmod go-w %s", shellQuote(k.data)), nil
	}
	return checks.Fine("%s", text), nil
}

func diskSpace(folder string) (free, total uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), nil
}

// byteText is "12.3 GiB".
func byteText(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n)/unit, 0
	for ; value >= unit && i < 4; i++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %s", value, []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[i])
}

// secrets says which files others than their owner can read.
func (k *checker) secrets(context.Context) (checks.Finding, error) {
	var open []string
	found := 0
	files := append(k.secretFiles(),
		filepath.Join(k.data, databaseFile), filepath.Join(k.data, tokenFile), filepath.Join(k.data, keyFile), filepath.Join(k.data, certificatesFolder))
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			continue // what has to be there is another check's
		}
		found++
		if info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
	}
	switch {
	case len(open) > 0:
		quoted := make([]string, len(open))
		for i, path := range open {
			quoted[i] = shellQuote(path)
		}
		return checks.Warn("others may read %s", strings.Join(open, ", ")).WithHint("chmod go= %s", strings.Join(quoted, " ")), nil
	case found == 0:
		return checks.Fine("there are none yet"), nil
	}
	return checks.Fine("%s, readable by the owner alone", plural(found, "file", "files")), nil
}

// secretFiles are those that the configuration names.
func (k *checker) secretFiles() []string {
	in := k.config.Intake
	all := []config.Credentials{in.Alertmanager.Inbound, in.Alertmanager.Auth, {Token: k.config.Metrics.Token}}
	for _, g := range in.Generic {
		all = append(all, g.Inbound)
	}
	all = append(all, k.config.OnCall.Ntfy.Auth, config.Credentials{Token: k.config.Database.Postgres})
	for _, topic := range k.config.OnCall.Topics {
		all = append(all, config.Credentials{Token: topic})
	}
	if d, err := discordOf(k.config); err == nil && d != nil {
		all = append(all, config.Credentials{Token: d.Token})
	}
	var files []string
	for _, c := range all {
		for _, s := range []config.Secret{c.Token, c.Password} {
			if s.File() != "" {
				files = append(files, s.File())
			}
		}
	}
	return files
}

func (k *checker) database(ctx context.Context) (checks.Finding, error) {
	kept := recordOf(k.config, k.data)
	path := kept.file
	db, _, err := kept.read(ctx)
	if problem.Is(err, problem.NotFound) {
		return checks.Warn("there is none at %s; it is made at the first start", path), nil
	}
	if err != nil {
		return checks.Finding{}, err
	}
	defer db.Close()
	path = db.Path()
	version, err := db.SchemaVersion(ctx)
	if err != nil {
		return checks.Finding{}, err
	}
	var entries int64
	var last time.Time
	err = db.View(ctx, func(v timeline.View) error {
		if entries, err = v.LastPos(); err != nil {
			return err
		}
		heads, err := v.Heads()
		for _, h := range heads {
			if h.RecordedAt.After(last) {
				last = h.RecordedAt
			}
		}
		return err
	})
	if err != nil {
		return checks.Finding{}, err
	}
	text := fmt.Sprintf("%s, schema %d, %s", path, version, plural(int(entries), "entry", "entries"))
	if !last.IsZero() {
		text += fmt.Sprintf(", the last %s ago", roughly(k.clock.Now().Sub(last)))
	}
	if kept.shared() {
		holder, silent, err := db.Owner(ctx)
		switch {
		case err != nil:
			return checks.Finding{}, err
		case holder == "":
			return checks.Fine("%s; nobody has owned it yet", text), nil
		case silent > storage.OwnerLease:
			return checks.Warn("%s; nobody owns it: %s was last heard %s ago", text, holder, roughly(silent)), nil
		}
		return checks.Fine("%s; %s owns it", text, holder), nil
	}
	if pid := lockOwner(path + ".lock"); pid > 0 {
		return checks.Fine("%s; process %d owns it", text, pid), nil
	}
	return checks.Fine("%s; nobody has it open", text), nil
}

// lockOwner returns the process that holds a lock file, 0 when none does. It
// tries the lock only when that process lives, so that a server which starts at
// this moment finds it free.
func lockOwner(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return 0
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return pid
	}
	return 0 // the number was given to another process
}

// server asks the running server, by its socket and by its address.
func (k *checker) server(ctx context.Context) (checks.Finding, error) {
	client, err := socket.Dial(filepath.Join(k.data, socket.FileName))
	running := err == nil
	switch {
	case running:
		client.Close()
	case !errors.Is(err, socket.ErrNobody):
		return checks.Finding{}, err
	}
	address := reachable(k.config.Listen)
	ready, err := askReady(ctx, address)
	switch {
	case running && err == nil && ready == "":
		return checks.Fine("runs, and is ready at %s", address), nil
	case running && err == nil:
		return checks.Fail("runs, but is not ready at %s: %s", address, ready), nil
	case running:
		return checks.Warn("runs, but does not answer at %s", address).
			WithHint("was it started with another --listen, or by another configuration?"), nil
	case err == nil, connects(ctx, address):
		return checks.Fail("none runs on %s, but something else answers at %s", k.data, address).
			WithHint("another program, or a Wardroom with another data folder: choose another listen, or name its folder with --data"), nil
	}
	return checks.Warn("none runs on %s", k.data).WithHint("`wardroom serve` starts one"), nil
}

// reachable is where this machine reaches what listens on a.
func reachable(a config.Addr) string {
	host := a.Host
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// askReady returns why a Wardroom at the address is not ready, "" when it is, and
// an error when none answers there.
func askReady(ctx context.Context, address string) (why string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var body struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 4096)).Decode(&body); err != nil {
		return "", fmt.Errorf("what answers at %s is no Wardroom", address)
	}
	switch {
	case res.StatusCode == http.StatusOK && body.Status == "ready":
		return "", nil
	case res.StatusCode == http.StatusServiceUnavailable && body.Error != "":
		return body.Error, nil
	}
	return "", fmt.Errorf("what answers at %s is no Wardroom", address)
}

func connects(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
