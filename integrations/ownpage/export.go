package ownpage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"wardroom/bot/problem"
)

// Export writes the page as static files below dir, which is made when it does
// not exist: index.html, incidents/INC-0001.html, history/2021-07.html, feed.atom
// and status.json. Links are relative, so the files work from anywhere.
//
// The files are as of the newest entry, never of now: the same entries give the
// same bytes. Each file appears whole or not at all, index.html last, so a folder
// that is served meanwhile never shows half a page. It may be repeated.
func (p *Page) Export(ctx context.Context, dir string) error {
	site, err := p.read(ctx)
	if err != nil {
		return err
	}
	today := midnight(site.AsOf)
	if site.AsOf.IsZero() {
		today = midnight(time.Unix(0, 0))
	}
	v := view{Options: &p.Options, site: site, today: today, links: links{static: true}}

	type file struct{ path, page string }
	var files []file
	for _, n := range site.Notices {
		files = append(files, file{incidentPath(n.Incident, true), incidentPath(n.Incident, false)})
	}
	seen := map[string]bool{}
	for _, n := range site.Notices {
		if m := n.StartedAt.UTC().Format(monthLayout); !seen[m] {
			seen[m] = true
			files = append(files, file{monthPath(m, true), monthPath(m, false)})
		}
	}
	files = append(files, file{feedPath, feedPath}, file{jsonPath, jsonPath}, file{"index.html", ""})
	for _, f := range files {
		v.links.front = filepath.Dir(f.path) == "."
		body, _, err := v.render(f.page)
		if err != nil {
			return err
		}
		if err := writeWhole(filepath.Join(dir, filepath.FromSlash(f.path)), body); err != nil {
			return problem.New(problem.Unavailable, "the status page cannot be written to %s", dir).Because(err)
		}
	}
	return nil
}

// writeWhole puts a file in place in one step.
func writeWhole(path string, body []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".wardroom-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(body)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
