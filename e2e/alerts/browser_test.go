package alerts

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"wardroom/e2e/internal/process"
)

// browser is a Chromium with one tab, in which no page may run a script.
type browser struct {
	t    *testing.T
	tab  context.Context
	mu   sync.Mutex
	said []string // on the console, and what it says of the network
	asks []string // addresses it asked for
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-dev-shm-usage", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to have one as root
	}
	all, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	b := &browser{t: t}
	tab, closed := chromedp.NewContext(all, chromedp.WithErrorf(t.Logf))
	t.Cleanup(closed)
	b.tab = tab // without a time limit: its first use starts the browser, which ends with that
	if err := chromedp.Listen(b.tab, b.hear); err != nil {
		t.Fatal(err)
	}
	ask(b, network.Enable, network.EnableParams{})
	ask(b, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}) // a page may be kept for ten seconds
	ask(b, log.Enable, cdp.Empty{})
	ask(b, runtime.Enable, cdp.Empty{})
	ask(b, accessibility.Enable, cdp.Empty{})
	ask(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return b
}

// ask sends a command of the DevTools protocol.
func ask[P, R any](b *browser, command cdp.Command[P, R], p P) R {
	b.t.Helper()
	return run(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, p) })
}

// run does something in the tab, which has to be done within a while.
func run[T any](b *browser, do chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.tab, process.Patience)
	defer cancel()
	got, err := chromedp.Run(ctx, do)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.said = append(b.said, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprintf("%s: %d words", e.Type, len(e.Args)))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, "exception: "+e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		b.asks = append(b.asks, e.Request.URL)
	}
}

// heard is what came since it was asked last.
func (b *browser) heard() (said, asks []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	said, asks, b.said, b.asks = b.said, b.asks, nil, nil
	return said, asks
}

// window is how a page is looked at.
type window struct {
	width  int64
	scheme string // "light", "dark"
}

func (w window) String() string { return fmt.Sprintf("%s, %d pixels wide", w.scheme, w.width) }

// open shows a page and returns its text.
func (b *browser) open(url string, w window) (text string) {
	b.t.Helper()
	ask(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: w.width, Height: 900, DeviceScaleFactor: 1, Mobile: w.width < 600})
	ask(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: w.scheme}}})
	run(b, chromedp.Navigate(url))
	return b.text()
}

// text is what can be read in the page that is shown.
func (b *browser) text() string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string]("document.body.innerText"))
}

// press presses the button with these words, with the mouse.
func (b *browser) press(words string) {
	b.t.Helper()
	at := run(b, chromedp.Evaluate[[]float64](fmt.Sprintf(`(() => {
		const button = [...document.querySelectorAll("button")].find((b) => b.textContent.trim() === %q);
		button.scrollIntoView();
		const box = button.getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	})()`, words)))
	run(b, chromedp.MouseClickXY(at[0], at[1]))
}

// picture keeps what is shown, for whoever wants to see it.
func (b *browser) picture(name string) {
	b.t.Helper()
	png := run(b, chromedp.FullScreenshot(100))
	to := os.Getenv("E2E_LOGS")
	if to == "" {
		return
	}
	to = filepath.Join(filepath.Dir(to), "pages") // kept when nothing fails as well
	if err := os.MkdirAll(to, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// page is one that people read, and what they have to find there.
type page struct {
	name, url string
	status    int // of the answer; 0 for a file
	words     []string
}

// judge looks at a page as those do who come to it: without scripts, by day and by
// night, on a desk and on a phone, and with a screen reader.
func (b *browser) judge(p page) {
	b.t.Helper()
	home := p.url[:strings.LastIndexByte(p.url, '/')]
	if p.status != 0 {
		home = strings.Join(strings.SplitN(p.url, "/", 4)[:3], "/")
		res, err := http.Get(p.url)
		if err != nil {
			b.t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != p.status {
			b.t.Errorf("%s: %s", p.name, res.Status)
		}
	}
	for _, w := range []window{{1280, "light"}, {1280, "dark"}, {360, "light"}, {360, "dark"}} {
		b.heard()
		text := b.open(p.url, w)
		for _, words := range p.words {
			if !strings.Contains(text, words) {
				b.t.Errorf("%s, %s: without scripts it does not say %q:\n%s", p.name, w, words, text)
			}
		}
		b.picture(fmt.Sprintf("%s-%s-%d", p.name, w.scheme, w.width))
		for _, amiss := range b.measure() {
			b.t.Errorf("%s, %s: %s", p.name, w, amiss)
		}
		said, asks := b.heard()
		for _, line := range said {
			if p.status == http.StatusNotFound && strings.Contains(line, "404") && strings.Contains(line, p.url) {
				continue // it says of the page itself that it is not there
			}
			b.t.Errorf("%s, %s: the console says %s", p.name, w, line)
		}
		for _, url := range asks {
			if !strings.HasPrefix(url, home) && !strings.HasPrefix(url, "data:") {
				b.t.Errorf("%s, %s: it asks %s", p.name, w, url)
			}
		}
	}
	for _, amiss := range outline(b.tree()) {
		b.t.Errorf("%s: %s", p.name, amiss)
	}
}

// measure names texts that are hard to read and what is wider than the window.
func (b *browser) measure() []string {
	b.t.Helper()
	script, err := os.ReadFile("testdata/measure.js")
	if err != nil {
		b.t.Fatal(err)
	}
	return run(b, chromedp.Evaluate[[]string](string(script)))
}

// tree is what a screen reader is given, in order.
func (b *browser) tree() []*accessibility.Node {
	b.t.Helper()
	return ask(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
}
