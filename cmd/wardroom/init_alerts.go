package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/config"
	"wardroom/bot/incident"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	checks "wardroom/bot/watch"
	"wardroom/integrations/alertmanager"
	"wardroom/integrations/generic"
	"wardroom/integrations/web"
	"wardroom/storage"
)

func askAlerts(ctx context.Context, w *wizard) (err error) {
	a := &w.answers
	before := a.place
	if a.place, err = w.ask(ctx, question{text: "Where does Alertmanager run: here, network, internet, none", proposed: a.place,
		valid: oneOf(placeHere, placeNetwork, placeInternet, placeNone),
		help: "here: on this machine.\nnetwork: elsewhere, and it reaches this machine over a network that you trust.\n" +
			"internet: elsewhere, as inside a cluster, and it reaches this machine over the internet. Wardroom then gets a certificate.\n" +
			"none: you have none; other senders can post alerts as well."}); err != nil {
		return err
	}
	if a.place != before {
		a.listen = map[string]string{placeNetwork: ":8080"}[a.place]
		a.listen = cmp.Or(a.listen, "127.0.0.1:8080")
	}
	if a.listen, err = w.ask(ctx, question{text: "The address where Wardroom listens", proposed: a.listen, valid: validAddr,
		help: "HOST:PORT. 127.0.0.1:8080 is reached from this machine alone, :8080 from every network that it is in."}); err != nil {
		return err
	}
	if a.place == placeInternet {
		err = w.askPublic(ctx)
	} else {
		a.host, a.email = "", ""
	}
	if err != nil || a.place == placeNone {
		a.alertmanagers = nil
		return err
	}
	urls, err := w.ask(ctx, question{text: "Alertmanager's own address, if Wardroom can reach it", proposed: strings.Join(a.alertmanagers, ", "), optional: true, valid: validURLs,
		help: "As http://127.0.0.1:9093; replicas with commas between. Wardroom asks there every five minutes what fires, and so finds\nalerts that were missed and resolutions that were lost."})
	if err != nil {
		return err
	}
	a.alertmanagers = splitList(urls)
	a.receiver, err = w.ask(ctx, question{text: "The name of the receiver that you have now", proposed: a.receiver, valid: validLine,
		help: "The one in alertmanager.yml that tells you of alerts today. Wardroom stands beside it until you trust it."})
	return err
}

func (w *wizard) askPublic(ctx context.Context) (err error) {
	a := &w.answers
	if a.host, err = w.ask(ctx, question{text: "The name under which this machine is reached", proposed: a.host, valid: config.ParseDomain,
		help: "As wardroom.example.org: a DNS name that leads here. Ports 80 and 443 must be open; the certificate comes from Let's Encrypt.\nWhere a proxy does that already, answer network to the question before."}); err != nil {
		return err
	}
	a.email, err = w.ask(ctx, question{text: "A mail address for the certificate's issuer", proposed: a.email, optional: true, valid: validMail,
		help: "Where it warns you when the certificate is about to expire."})
	return err
}

// tryAlerts runs the intake on the address and sends it an alert.
func tryAlerts(ctx context.Context, w *wizard, cfg *config.Config) error {
	for _, warning := range cfg.Warnings {
		w.say("  ! %s", sanitize(warning.Message))
	}
	seen, err := rehearseAlert(ctx, cfg, w.answers.place != placeNone)
	if err != nil {
		return err
	}
	w.works("%s is free, and Wardroom listens there", cfg.Listen)
	w.works("an alert without the token is refused (%d)", seen.refused)
	w.works("an alert with it is received (%d) and becomes an incident:\n      %s", seen.received, sanitize(seen.incident))
	w.say("    All of it was thrown away again.")
	if host := cfg.Public.Host; host != "" {
		w.tryHost(ctx, host)
	}
	k := newChecker(cfg, w.folder())
	k.clock = w.machine.clock
	for _, u := range cfg.Intake.Alertmanager.URLs {
		f, err := k.alertmanager(ctx, u)
		if err != nil {
			return err
		}
		if f.Level == checks.Failed {
			return problem.New(problem.Unavailable, "%s", f.Sentence).WithHint("is the address right, and can this machine reach it? - leaves it out")
		}
		if f.Level == checks.Warning {
			w.say("  ! %s answers: %s", u.Host, sanitize(f.Sentence))
			continue
		}
		w.works("%s answers: %s", u.Host, sanitize(f.Sentence))
	}
	return nil
}

// tryHost says where a name leads. That the world can come in by it only shows
// once the server runs.
func (w *wizard) tryHost(ctx context.Context, host string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := w.machine.lookup(ctx, host)
	if err != nil || len(addresses) == 0 {
		w.say("  ! %s does not lead anywhere yet: without it there is no certificate", host)
		return
	}
	w.works("%s leads to %s; whether that is this machine,\n    and ports 80 and 443 are open, shows once it runs", host, strings.Join(addresses, ", "))
}

// trial is what came of a test alert.
type trial struct {
	refused, received int // HTTP status without and with the token
	incident          string
}

// rehearse wires a system with this configuration on a folder that is thrown away.
func rehearse(ctx context.Context, cfg *config.Config, use func(sys *system, folder string) error) (err error) {
	folder, err := os.MkdirTemp("", "wardroom-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	sys, err := wire(ctx, settings{config: cfg, data: folder, clock: timeline.RealClock{}, log: slog.New(slog.DiscardHandler), marked: storage.Rehearsal})
	if err != nil {
		return err
	}
	return errors.Join(use(sys, folder), sys.db.Close())
}

// rehearseAlert receives a test alert on the configured address: by Alertmanager's
// webhook, or else the generic one.
func rehearseAlert(ctx context.Context, cfg *config.Config, native bool) (seen trial, err error) {
	err = rehearse(ctx, cfg, func(sys *system, _ string) error {
		token := config.NewSecret(rand.Text())
		front, err := sys.front(web.Options{Listen: cfg.Listen.String()}, token)
		if err != nil {
			return err
		}
		sys.app.Add(webService("web", front))
		if err := sys.app.Start(ctx); err != nil {
			return cannotListen(cfg.Listen, err)
		}
		seen, err = sys.receive(ctx, front.Addr(), token, native)
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(err, sys.app.Stop(stopping))
	})
	return seen, err
}

// receive sends the test alert and waits for the incident.
func (s *system) receive(ctx context.Context, address string, token config.Secret, native bool) (seen trial, err error) {
	path, body := webhookPath(generic.DefaultName), []byte(genericExample)
	if native {
		path = webhookPath(alertmanager.DefaultName)
		if body, err = testAlert(s.clock.Now()); err != nil {
			return seen, err
		}
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return seen, err
	}
	host := reachable(s.config.Listen)
	host = host[:strings.LastIndexByte(host, ':')+1] + port
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if seen.refused, err = sendTest(ctx, "http://"+host+path, "", body); err != nil {
		return seen, err
	}
	if seen.received, err = sendTest(ctx, "http://"+host+path, token.Reveal(), body); err != nil {
		return seen, err
	}
	if seen.refused != http.StatusUnauthorized || seen.received/100 != 2 {
		return seen, problem.New(problem.Internal, "the test alert was answered %d without the token and %d with it", seen.refused, seen.received)
	}
	if err := s.app.Settle(ctx); err != nil {
		return seen, err
	}
	err = s.db.View(ctx, func(v timeline.View) error {
		open, err := incident.Open(v)
		if err == nil && len(open) == 1 {
			seen.incident = open[0].Headline()
		}
		return err
	})
	if err == nil && seen.incident == "" {
		err = problem.New(problem.Internal, "the test alert was received, and no incident came of it")
	}
	return seen, err
}

func sendTest(ctx context.Context, url, token string, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
	res, err := client.Do(req)
	if err != nil {
		return 0, problem.New(problem.Unavailable, "the test alert could not be sent").Because(err)
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, err
}

// cannotListen says in words why an address cannot be had.
func cannotListen(a config.Addr, err error) error {
	p := problem.New(problem.Unavailable, "Wardroom cannot listen on %s", a).Because(err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return problem.New(problem.Unavailable, "%s is in use by another program", a).
			WithHint("if that is a Wardroom of yours, stop it first; else choose another port")
	case errors.Is(err, syscall.EACCES):
		return p.WithHint("ports below 1024 are for root; choose a higher one")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return p.WithHint("this machine does not have that address")
	}
	return p
}

// testAlert is a message as Alertmanager sends it, version 4.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
func testAlert(now time.Time) ([]byte, error) {
	labels := map[string]string{"alertname": "WardroomTest", "severity": "page"}
	annotations := map[string]string{"summary": "A test alert of wardroom init"}
	return json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="WardroomTest"}`, "truncatedAlerts": 0, "status": "firing", "receiver": "wardroom",
		"externalURL": "http://alertmanager.example", "groupLabels": map[string]string{"alertname": "WardroomTest"},
		"commonLabels": labels, "commonAnnotations": annotations,
		"alerts": []any{map[string]any{"status": "firing", "labels": labels, "annotations": annotations,
			"startsAt": now.UTC().Format(time.RFC3339), "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
			"fingerprint": alert.Fingerprint(labels)}},
	})
}

// genericExample is an alert in the documented form.
const genericExample = `{"status": "firing", "title": "A test alert of wardroom init", "severity": "page"}`

// base is where senders reach Wardroom.
func (a *answers) base(m machine) string {
	addr, err := config.ParseAddr(a.listen)
	switch {
	case a.host != "":
		return "https://" + a.host
	case err == nil && addr.Host == "":
		addr.Host = cmp.Or(m.hostname, "this-machine")
		return "http://" + addr.String()
	}
	return "http://" + a.listen
}

// curl is a line that sends an alert, to be pasted where the token is.
func (a *answers) curl(m machine, data string) string {
	base := a.base(m)
	if addr, err := config.ParseAddr(a.listen); err == nil {
		base = "http://" + reachable(addr) // whoever pastes it sits at this machine
	}
	return fmt.Sprintf("       curl %s%s \\\n         -H \"Authorization: Bearer $(cat %s)\" \\\n         -H 'Content-Type: application/json' \\\n         -d '%s'",
		base, webhookPath(generic.DefaultName), shellQuote(filepath.Join(data, tokenFile)), genericExample)
}

// receiverSnippet is what to add to alertmanager.yml.
func (a *answers) receiverSnippet(m machine, data string) string {
	const where = "/etc/alertmanager/wardroom.token"
	lines := []string{
		"# Copy " + filepath.Join(data, tokenFile) + " to Alertmanager as " + where + ",",
		"# readable by its user alone. Then, in alertmanager.yml:",
		"route:",
		"  receiver: " + quoted(a.receiver),
		"  routes:",
		"    - receiver: wardroom",
		"      repeat_interval: 1m       # so that it knows how high a value rises",
		"      continue: true            # and on to the receiver that you have",
		"    # ... your own routes, as they are, and last:",
		"    - receiver: " + quoted(a.receiver) + "   # since an alert that a route took does not reach the one at the top",
		"receivers:",
		"  # ... your receivers, as they are ...",
		"  - name: wardroom",
		"    webhook_configs:",
		"      - url: " + a.base(m) + webhookPath(alertmanager.DefaultName),
		"        send_resolved: true",
		"        max_alerts: 200",
		"        http_config:",
		"          authorization: {credentials_file: " + where + "}",
	}
	return "       " + strings.Join(lines, "\n       ")
}

func validAddr(s string) (string, error) {
	a, err := config.ParseAddr(s)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}

func validURLs(s string) (string, error) {
	list := splitList(s)
	for i, one := range list {
		u, err := validURL(one)
		if err != nil {
			return "", err
		}
		list[i] = u
	}
	return strings.Join(list, ", "), nil
}

func validMail(s string) (string, error) {
	if _, err := config.Parse("", "", []byte("public: {host: example.org, email: "+quoted(s)+"}")); err != nil {
		return "", fmt.Errorf("%q is no mail address", s)
	}
	return s, nil
}
