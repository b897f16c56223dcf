package storage_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/timeline"
	"wardroom/storage"
	"wardroom/storage/storagetest"
)

// night records a small night: the log, two incidents, claims, a timer, an
// erasure, recorded heads. INC-2 goes on after its head was recorded.
func night(t *testing.T, path string) map[timeline.ID]timeline.Hash {
	opts, clock := storagetest.Options(t)
	db, err := storage.OpenSQLite(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	update := func(decide func(timeline.View) []timeline.Draft) []timeline.Entry {
		clock.Add(time.Minute)
		list, err := db.Update(t.Context(), func(v timeline.View) (timeline.Decision, error) {
			return timeline.Decision{Entries: decide(v)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	note := func(id timeline.ID, text string) {
		update(func(timeline.View) []timeline.Draft {
			return []timeline.Draft{{Timeline: id, Payload: &storagetest.Noted{Note: text, Row: text, Place: 1}, Actor: people.Human("joe")}}
		})
	}
	one, two := timeline.Incident(1), timeline.Incident(2)
	note(timeline.Log, "start")
	note(one, "first")
	update(func(timeline.View) []timeline.Draft {
		return []timeline.Draft{{Timeline: one, Payload: &storagetest.Noted{Note: "second"}, CausedByPrevious: true, Supersedes: timeline.Ref{Timeline: one, Seq: 1},
			Cause: timeline.Ref{Timeline: timeline.Log, Seq: 1}, Effects: timeline.Effects{Take: []string{"node/a"}, Set: []timeline.Timer{{Key: "t", Due: clock.Now(), Timeline: one, What: "x"}}}}}
	})
	note(one, "third")
	note(two, "secret")
	update(func(timeline.View) []timeline.Draft {
		refs := []timeline.Ref{{Timeline: two, Seq: 1}}
		return []timeline.Draft{{Timeline: timeline.Log, Payload: &timeline.Erasure{Refs: refs, Reason: "a leak"}, Effects: timeline.Effects{Erase: refs}}}
	})
	note(one, "fourth")
	note(two, "more")
	update(func(v timeline.View) []timeline.Draft {
		heads, err := v.Heads()
		if err != nil {
			t.Fatal(err)
		}
		return []timeline.Draft{{Timeline: timeline.Log, Payload: &timeline.HeadsRecorded{Heads: heads}}}
	})
	note(two, "after the heads")
	note(two, "last")
	outside := map[timeline.ID]timeline.Hash{}
	err = db.View(t.Context(), func(v timeline.View) error {
		heads, err := v.Heads()
		for _, h := range heads {
			outside[h.Timeline] = h.Hash
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return outside
}

// tamper changes a database as somebody with the file would: the guards are
// taken away, and put back afterwards.
func tamper(t *testing.T, path string, keepOff bool, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	run := func(s string) {
		t.Helper()
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	rows, err := db.Query("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
	if err != nil {
		t.Fatal(err)
	}
	var names, creates []string
	for rows.Next() {
		var name, create string
		if err := rows.Scan(&name, &create); err != nil {
			t.Fatal(err)
		}
		names, creates = append(names, name), append(creates, create)
	}
	rows.Close()
	for _, n := range names {
		run("DROP TRIGGER " + n)
	}
	for _, s := range statements {
		run(s)
	}
	if !keepOff {
		for _, c := range creates {
			run(c)
		}
	}
}

// The third entry of INC-1 is at position 6 (log#1, log#2 opened, INC-1#1, #2, …).
const third = " WHERE timeline = 'INC-1' AND seq = 3"

func TestVerifyFindsWhatWasDone(t *testing.T) {
	dir := t.TempDir()
	clean := filepath.Join(dir, "clean.db")
	outside := night(t, clean)
	whole, err := os.ReadFile(clean)
	if err != nil {
		t.Fatal(err)
	}
	erasedRow := "(SELECT pos FROM entries WHERE timeline = 'INC-2' AND seq = 1)"
	payloadOfThird := " WHERE pos = (SELECT pos FROM entries" + third + ")"
	cutTwo := []string{
		"DELETE FROM payloads WHERE pos IN (SELECT pos FROM entries WHERE timeline = 'INC-2' AND seq > 3)",
		"DELETE FROM entries WHERE timeline = 'INC-2' AND seq > 3",
	}
	headOfTwo := "UPDATE timelines SET (seq, hash, recorded_at) = (SELECT seq, hash, recorded_at FROM entries WHERE timeline = 'INC-2' ORDER BY seq DESC LIMIT 1) WHERE timeline = 'INC-2'"
	deleteOne := []string{"DELETE FROM payloads WHERE pos IN (SELECT pos FROM entries WHERE timeline = 'INC-1')", "DELETE FROM entries WHERE timeline = 'INC-1'", "DELETE FROM timelines WHERE timeline = 'INC-1'"}
	for _, c := range []struct {
		name     string
		do       []string
		heads    map[timeline.ID]timeline.Hash
		rebuild  bool
		guardOff bool
		want     string // "" when nothing can be found
	}{
		{name: "nothing", want: "", rebuild: true, heads: outside},
		{name: "entries.pos", do: []string{"UPDATE entries SET pos = 1000" + third}, want: "INC-1#3"},
		{name: "entries.pos with its payload", do: []string{"UPDATE payloads SET pos = 1000" + payloadOfThird, "UPDATE entries SET pos = 1000" + third}, want: "INC-1#3"},
		{name: "entries.timeline", do: []string{"UPDATE entries SET timeline = 'INC-9'" + third}, want: "INC-1#3: is missing"},
		{name: "entries.seq", do: []string{"UPDATE entries SET seq = 99" + third}, want: "INC-1#3: is missing"},
		{name: "entries.kind", do: []string{"UPDATE entries SET kind = 'x'" + third}, want: "INC-1#3"},
		{name: "entries.occurred_at", do: []string{"UPDATE entries SET occurred_at = occurred_at - 1" + third}, want: "INC-1#3"},
		{name: "entries.recorded_at", do: []string{"UPDATE entries SET recorded_at = recorded_at + 1" + third}, want: "INC-1#3"},
		{name: "entries.actor", do: []string{"UPDATE entries SET actor = 'person:chris'" + third}, want: "INC-1#3"},
		{name: "entries.actor, of the same reading", do: []string{"UPDATE entries SET actor = 'person:joe:'" + third}, want: "INC-1#3"},
		{name: "entries.cause", do: []string{"UPDATE entries SET cause = 'log#1'" + third}, want: "INC-1#3"},
		{name: "entries.cause, respelled", do: []string{"UPDATE entries SET cause = 'LOG#1' WHERE timeline = 'INC-1' AND seq = 2"}, want: "INC-1#2: its cause was altered"},
		{name: "entries.supersedes", do: []string{"UPDATE entries SET supersedes = 'INC-1#2'" + third}, want: "INC-1#3"},
		{name: "entries.supersedes, respelled", do: []string{"UPDATE entries SET supersedes = 'inc-01#1' WHERE timeline = 'INC-1' AND seq = 2"}, want: "INC-1#2: the entry it supersedes was altered"},
		{name: "entries.effects", do: []string{`UPDATE entries SET effects = '{"take":["x"]}'` + third}, want: "INC-1#3"},
		{name: "entries.effects, respelled", do: []string{"UPDATE entries SET effects = effects || ' ' WHERE timeline = 'INC-1' AND seq = 2"}, want: "INC-1#2: its effects were altered"},
		{name: "entries.effects, empty", do: []string{"UPDATE entries SET effects = '{}'" + third}, want: "INC-1#3: its effects were altered"},
		{name: "entries.payload_hash", do: []string{"UPDATE entries SET payload_hash = zeroblob(32)" + third}, want: "INC-1#3"},
		{name: "entries.payload_hash, cut", do: []string{"UPDATE entries SET payload_hash = zeroblob(31)" + third}, want: "INC-1#3"},
		{name: "entries.prev_hash", do: []string{"UPDATE entries SET prev_hash = zeroblob(32)" + third}, want: "INC-1#3"},
		{name: "entries.hash", do: []string{"UPDATE entries SET hash = zeroblob(32)" + third}, want: "INC-1#3"},
		{name: "the hash of the newest entry", do: []string{"UPDATE entries SET hash = zeroblob(32) WHERE timeline = 'INC-2' AND seq = 4"}, want: "INC-2#4"},
		{name: "payloads.pos", do: []string{"UPDATE payloads SET pos = 1000" + payloadOfThird}, want: "INC-1#3: its payload is gone"},
		{name: "payloads.salt", do: []string{"UPDATE payloads SET salt = zeroblob(16)" + payloadOfThird}, want: "INC-1#3: its payload"},
		{name: "payloads.salt, cut", do: []string{"UPDATE payloads SET salt = zeroblob(15)" + payloadOfThird}, want: "INC-1#3: its salt"},
		{name: "payloads.body", do: []string{"UPDATE payloads SET body = replace(body, 'third', 'THIRD')" + payloadOfThird}, want: "INC-1#3: its payload"},
		{name: "payloads.body, a blank more", do: []string{"UPDATE payloads SET body = body || ' '" + payloadOfThird}, want: "INC-1#3: its payload"},
		{name: "two payloads swapped", do: []string{
			"UPDATE payloads SET pos = -1 WHERE pos = 4", "UPDATE payloads SET pos = 4 WHERE pos = 6", "UPDATE payloads SET pos = 6 WHERE pos = -1",
		}, want: "its payload"},
		{name: "two entries swapped", do: []string{
			"UPDATE entries SET seq = -1 WHERE timeline = 'INC-1' AND seq = 2", "UPDATE entries SET seq = 2 WHERE timeline = 'INC-1' AND seq = 3", "UPDATE entries SET seq = 3 WHERE timeline = 'INC-1' AND seq = -1",
		}, want: "INC-1#2: is missing"},
		{name: "two positions swapped", do: []string{
			"UPDATE entries SET pos = -1 WHERE timeline = 'INC-1' AND seq = 2", "UPDATE entries SET pos = (SELECT pos FROM entries WHERE timeline = 'INC-1' AND seq = 3) - 1 WHERE timeline = 'INC-1' AND seq = 3",
			"UPDATE entries SET pos = (SELECT pos FROM entries WHERE timeline = 'INC-1' AND seq = 3) + 1 WHERE timeline = 'INC-1' AND seq = 2",
		}, want: "INC-1#2: is missing"},
		{name: "a middle entry deleted", do: []string{"DELETE FROM payloads" + payloadOfThird, "DELETE FROM entries" + third}, want: "INC-1#3: is missing"},
		{name: "a middle entry deleted, the rest renumbered", do: []string{"DELETE FROM payloads" + payloadOfThird, "DELETE FROM entries" + third, "UPDATE entries SET seq = 3 WHERE timeline = 'INC-1' AND seq = 4"}, want: "INC-1#3: it does not continue"},
		{name: "the tail cut", do: cutTwo, want: "INC-2#4"},
		{name: "the tail cut with its head, known outside", do: append(cutTwo[:2:2], headOfTwo), heads: outside, want: "no entry of INC-2 has the hash"},
		{name: "the tail cut with its head, known to nobody", do: append(cutTwo[:2:2], headOfTwo), want: ""},
		{name: "the tail cut behind the recorded heads", do: []string{
			"DELETE FROM payloads WHERE pos IN (SELECT pos FROM entries WHERE timeline = 'INC-2' AND seq > 1)", "DELETE FROM entries WHERE timeline = 'INC-2' AND seq > 1", headOfTwo,
		}, want: "INC-2#2: the log records it as the newest"},
		{name: "an incident deleted", do: deleteOne, want: "INC-1"},
		{name: "the last incident deleted with every trace but the log", do: []string{"DELETE FROM payloads WHERE pos IN (SELECT pos FROM entries WHERE timeline = 'INC-2')", "DELETE FROM entries WHERE timeline = 'INC-2'", "DELETE FROM timelines WHERE timeline = 'INC-2'"}, want: "INC-2"},
		{name: "a payload deleted", do: []string{"DELETE FROM payloads" + payloadOfThird}, want: "INC-1#3: its payload is gone"},
		{name: "a payload deleted under a false erasure", do: []string{"INSERT INTO erasures SELECT pos, 1 FROM entries" + third, "DELETE FROM payloads" + payloadOfThird}, want: "INC-1#3: its payload is gone"},
		{name: "an erased payload put back", do: []string{"INSERT INTO payloads VALUES (" + erasedRow + ", zeroblob(16), 'x')"}, want: "INC-2#1"},
		{name: "an orphan payload", do: []string{"INSERT INTO payloads VALUES (1000, zeroblob(16), 'x')"}, want: "position 1000 belongs to no entry"},
		{name: "an entry invented at the end", do: []string{"INSERT INTO entries SELECT 1000, timeline, 5, kind, occurred_at, recorded_at, actor, cause, supersedes, effects, payload_hash, hash, hash FROM entries WHERE timeline = 'INC-2' AND seq = 4"}, want: "INC-2#5"},
		{name: "a head altered", do: []string{"UPDATE timelines SET hash = zeroblob(32) WHERE timeline = 'INC-1'"}, want: "INC-1#4: the table of heads"},
		{name: "a head deleted", do: []string{"DELETE FROM timelines WHERE timeline = 'INC-1'"}, want: "INC-1 is not in the table of heads"},
		{name: "a guard removed", guardOff: true, want: "the guard entries_no_delete was removed"},
		{name: "a row of state altered", rebuild: true, do: []string{`UPDATE components SET doc = replace(doc, 'third', 'THIRD') WHERE key = 'third'`}, want: `table components, row "third" differs from what the entries give, in: doc`},
		{name: "a column of state altered", rebuild: true, do: []string{`UPDATE components SET position = 2 WHERE key = 'third'`}, want: `row "third" differs from what the entries give, in: position`},
		{name: "a row of state deleted", rebuild: true, do: []string{`DELETE FROM components WHERE key = 'third'`}, want: `lacks the row "third"`},
		{name: "a row of state invented", rebuild: true, do: []string{`INSERT INTO components VALUES ('x', '{}', 1)`}, want: `has a row "x"`},
		{name: "a claim freed", rebuild: true, do: []string{`DELETE FROM claims`}, want: `table claims lacks the row "node/a"`},
		{name: "a timer put off", rebuild: true, do: []string{`UPDATE timers SET due = due + 1`}, want: `table timers, row "t" differs from what the entries give, in: due`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "wardroom.db")
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.do != nil || c.guardOff {
				tamper(t, path, c.guardOff, c.do...)
			}
			opts, _ := storagetest.Options(t)
			db, err := storage.OpenReadOnly(t.Context(), path, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			report, err := db.Verify(t.Context(), storage.VerifyOptions{Heads: c.heads, Rebuild: c.rebuild})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			if _, err := report.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if c.want == "" && !report.OK() || !strings.Contains(text, c.want) || c.want != "" && (report.OK() || !strings.Contains(faults(report), c.want)) {
				t.Errorf("want a fault with %q, got:\n%s", c.want, text)
			}
			if c.heads == nil && !strings.Contains(text, "INC-2: the log records its head at #2; without one from outside, what followed could have been cut") && c.want == "" {
				t.Errorf("does not say that a tail could have been cut:\n%s", text)
			}
		})
	}
}

func faults(r storage.Report) string {
	lines := make([]string, len(r.Faults))
	for i, f := range r.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// The guards refuse what a careless tool would do, as long as it keeps them.
func TestTheDatabaseRefusesToForget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wardroom.db")
	night(t, path)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=recursive_triggers(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"UPDATE entries SET kind = 'x'", "DELETE FROM entries", "DELETE FROM entries WHERE pos = 1",
		"INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE pos = 1",
		"REPLACE INTO entries SELECT pos + 1000, timeline, seq, kind, occurred_at, recorded_at, actor, cause, supersedes, effects, payload_hash, prev_hash, hash FROM entries WHERE pos = 1",
		"UPDATE payloads SET body = 'x'", "DELETE FROM payloads WHERE pos = 1", "REPLACE INTO payloads VALUES (1, zeroblob(16), 'x')",
		"UPDATE erasures SET pos = 1", "DELETE FROM erasures",
		"INSERT INTO entries (pos) VALUES ('x')",
	} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s is taken", statement)
		}
	}
	opts, _ := storagetest.Options(t)
	ro, err := storage.OpenReadOnly(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	if report, err := ro.Verify(t.Context(), storage.VerifyOptions{Rebuild: true}); err != nil || !report.OK() {
		t.Errorf("%v, %v", report.Faults, err)
	}
}
