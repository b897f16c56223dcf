package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

func (p *program) newVerify() *cobra.Command {
	var db string
	var heads []string
	var rebuild bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing in the record was altered",
		Long: "Recomputes every hash chain and names the first entry of each timeline that does\n" +
			"not fit. Entries cut off the end of a timeline leave no trace inside the database:\n" +
			"give a head that was kept outside, from the room or an export, with --head.",
		Example: "  wardroom verify\n  wardroom verify --head INC-1=2b7e1516…\n  wardroom verify --db copy.db --rebuild",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			outside, err := parseHeads(heads)
			if err != nil {
				return err
			}
			kept := record{file: db}
			if db == "" {
				cfg, data, err := p.load()
				if err != nil {
					return err
				}
				kept = recordOf(cfg, data)
			}
			store, _, err := kept.read(c.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			report, err := store.Verify(c.Context(), storage.VerifyOptions{Heads: outside, Rebuild: rebuild})
			if err != nil {
				return err
			}
			if p.shell.json {
				return reportJSON(c.OutOrStdout(), report)
			}
			return printReport(c.OutOrStdout(), report)
		},
	}
	c.Flags().StringVar(&db, "db", "", "the database `file` (default: the record of the configuration, wardroom.db in the data folder)")
	c.Flags().StringArrayVar(&heads, "head", nil, "a head that was kept outside, as `INC-1=HASH`; may be repeated")
	c.Flags().BoolVar(&rebuild, "rebuild", false, "also fold current state anew from the entries and compare")
	return c
}

func parseHeads(written []string) (map[timeline.ID]timeline.Hash, error) {
	heads := map[timeline.ID]timeline.Hash{}
	for _, w := range written {
		name, digits, ok := strings.Cut(w, "=")
		if !ok {
			return nil, problem.New(problem.Invalid, "--head %q is not INC-1=HASH", w)
		}
		id, err := timeline.ParseID(name)
		if err != nil {
			return nil, err
		}
		var h timeline.Hash
		if err := h.UnmarshalText([]byte(strings.ToLower(digits))); err != nil {
			return nil, problem.New(problem.Invalid, "--head %s: want the 64 hexadecimal digits of the head", name)
		}
		heads[id] = h
	}
	return heads, nil
}

// reportJSON prints what the text says, for scripts: whole, entries, erased, rebuilt; heads
// with timeline, entries and hash; open, the timelines whose end could have been cut, with
// the entry up to which the log vouches for them; faults with entry and text.
func reportJSON(out io.Writer, r storage.Report) error {
	type head struct {
		Timeline timeline.ID   `json:"timeline"`
		Entries  int64         `json:"entries"`
		Hash     timeline.Hash `json:"hash"`
	}
	type tail struct {
		Timeline timeline.ID `json:"timeline"`
		Since    int64       `json:"since"`
	}
	type fault struct {
		Entry *timeline.Ref `json:"entry"` // null when it is about current state
		Text  string        `json:"text"`
	}
	answer := struct {
		Whole   bool    `json:"whole"`
		Entries int64   `json:"entries"`
		Erased  int64   `json:"erased"`
		Rebuilt bool    `json:"rebuilt"`
		Heads   []head  `json:"heads"`
		Open    []tail  `json:"open"`
		Faults  []fault `json:"faults"`
	}{r.OK(), r.Entries, r.Erased, r.Rebuilt, []head{}, []tail{}, []fault{}}
	for _, h := range r.Heads {
		answer.Heads = append(answer.Heads, head{h.Timeline, h.Seq, h.Hash})
	}
	for _, t := range r.Open {
		answer.Open = append(answer.Open, tail{t.Timeline, t.Since})
	}
	for _, f := range r.Faults {
		told := fault{Text: f.Text}
		if !f.Entry.IsZero() {
			told.Entry = &f.Entry
		}
		answer.Faults = append(answer.Faults, told)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		return err
	}
	return unwhole(r)
}

// unwhole is the problem of a record that does not verify; nil where it does.
func unwhole(r storage.Report) error {
	if r.OK() {
		return nil
	}
	return problem.New(problem.Conflict, "the record does not verify: %s", r.Faults[0]).
		WithHint("keep a copy of the file as it is; compare with a backup")
}

func printReport(out io.Writer, r storage.Report) error {
	for _, h := range r.Heads {
		fmt.Fprintf(out, "%-8s %6d entries  head %s\n", h.Timeline, h.Seq, h.Hash)
	}
	for _, t := range r.Open {
		fmt.Fprintf(out, "note: %s\n", t)
	}
	if len(r.Faults) > 0 {
		for _, f := range r.Faults {
			fmt.Fprintf(out, "FAULT %s\n", f)
		}
		return unwhole(r)
	}
	checked := "every chain is whole"
	if r.Rebuilt {
		checked += ", and current state follows from the entries"
	}
	fmt.Fprintf(out, "%d entries: %s\n", r.Entries, checked)
	return nil
}
