package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"wardroom/bot/postmortem"
	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

func (p *program) newExport() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export INCIDENT",
		Short: "Write the post-mortem of an incident",
		Long: "Writes the post-mortem as of the incident's last entry: the same entries give the\n" +
			"same bytes. It reads the database beside a running server. `export log` writes the\n" +
			"team's own timeline.",
		Example: "  wardroom export INC-1\n  wardroom export INC-1 --format mkdocs --out docs/postmortems",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := timeline.ParseID(args[0])
			if err != nil {
				return err
			}
			f, err := postmortem.ParseFormat(format)
			if err != nil {
				return err
			}
			out := cmp.Or(out, p.shell.save)
			return p.reading(c.Context(), func(db *storage.DB, codec *timeline.Codec) error {
				cfg, _, err := p.load()
				if err != nil {
					return err
				}
				var name string
				var body []byte
				err = db.View(c.Context(), func(v timeline.View) error {
					name, body, err = postmortem.Export(v, codec, id, postmortem.Options{Format: f, Zone: cfg.Timezone, People: cfg.People})
					return err
				})
				if err != nil {
					return err
				}
				if out == "" {
					_, err = c.OutOrStdout().Write(body)
					return err
				}
				path := filepath.Join(out, name)
				if err := os.MkdirAll(out, 0o755); err != nil {
					return problem.New(problem.Unavailable, "cannot make the folder %s", out).Because(err)
				}
				if err := os.WriteFile(path, body, 0o644); err != nil {
					return problem.New(problem.Unavailable, "cannot write %s", path).Because(err)
				}
				fmt.Fprintln(c.ErrOrStderr(), "wrote", path)
				return nil
			})
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "markdown, mkdocs, rst, json or html")
	c.Flags().StringVar(&out, "out", "", "write into this `folder` instead of printing; it is made where it is missing")
	return c
}

// addExport hangs `status export` under the group `status` of the command table:
// it writes files, so only the shell has it.
func (p *program) addExport(root *cobra.Command) error {
	group, _, err := root.Find([]string{"status"})
	if err != nil {
		return err
	}
	group.AddCommand(&cobra.Command{
		Use:     "export FOLDER",
		Short:   "Write the status page as files for any web server",
		Example: "  wardroom status export /srv/status",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.reading(c.Context(), func(db *storage.DB, _ *timeline.Codec) error {
				cfg, _, err := p.load()
				if err != nil {
					return err
				}
				if err := ownPage(cfg, db, timeline.RealClock{}, shellLog()).Export(c.Context(), args[0]); err != nil {
					return err
				}
				fmt.Fprintln(c.ErrOrStderr(), "wrote", filepath.Join(args[0], "index.html"))
				return nil
			})
		},
	})
	return nil
}

// reading opens the database of the data folder beside whoever owns it.
func (p *program) reading(ctx context.Context, use func(*storage.DB, *timeline.Codec) error) error {
	cfg, data, err := p.load()
	if err != nil {
		return err
	}
	db, codec, err := recordOf(cfg, data).read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return use(db, codec)
}

// exporter writes post-mortems for the command `timeline export`.
type exporter struct{ *system }

func (e exporter) Export(ctx context.Context, id timeline.ID, format string) (name string, body []byte, err error) {
	f, err := postmortem.ParseFormat(format)
	if err != nil {
		return "", nil, err
	}
	err = e.db.View(ctx, func(v timeline.View) error {
		name, body, err = postmortem.Export(v, e.codec, id, postmortem.Options{Format: f, Zone: e.config.Timezone, People: e.config.People})
		return err
	})
	return name, body, err
}
