package room_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/people"
	"wardroom/bot/room"
	"wardroom/bot/scenario"
	"wardroom/bot/timeline"
	"wardroom/storage"
)

func saidStore(t *testing.T) (*storage.DB, *scenario.Clock) {
	t.Helper()
	codec, err := timeline.NewCodec(room.SaidKinds)
	if err != nil {
		t.Fatal(err)
	}
	clock := scenario.NewClock(time.Date(2021, 7, 11, 0, 42, 0, 0, time.UTC))
	db, err := storage.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "wardroom.db"), storage.Options{Codec: codec, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, clock
}

func quote(message, text string, sent time.Time) room.Quote {
	return room.Quote{Actor: people.Human("joe"), SentAt: sent, Said: room.Said{Chat: "discord", Channel: "1", Message: message, Author: "joe", Body: text, By: "chris"}}
}

func TestAMessageIsRecordedOnceAtTheTimeItWasSent(t *testing.T) {
	db, clock := saidStore(t)
	sent := clock.Now().Add(-10 * time.Minute)
	ref, again, err := room.Record(t.Context(), db, "INC-1", quote("7", "Python is offline", sent))
	if err != nil || again {
		t.Fatal(again, err)
	}
	second, again, err := room.Record(t.Context(), db, "INC-2", quote("7", "Python is offline", sent))
	if err != nil || !again || second != ref {
		t.Errorf("want %s again, got %s, %v, %v", ref, second, again, err)
	}
	err = db.View(t.Context(), func(v timeline.View) error {
		e, err := v.Entry(ref)
		if err == nil && (!e.OccurredAt.Equal(sent) || e.Actor != people.Human("joe")) {
			t.Errorf("want joe at %s, got %s at %s", sent, e.Actor, e.OccurredAt)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAMessageOfTheFutureIsRecordedNow(t *testing.T) {
	db, clock := saidStore(t)
	if _, _, err := room.Record(t.Context(), db, "INC-1", quote("7", "their clock is ahead", clock.Now().Add(time.Hour))); err != nil {
		t.Error(err)
	}
}

func TestALongMessageIsCutAndSaysSo(t *testing.T) {
	db, clock := saidStore(t)
	ref, _, err := room.Record(t.Context(), db, "INC-1", quote("7", strings.Repeat("ä", room.MaxSaid+1), clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	_ = db.View(t.Context(), func(v timeline.View) error {
		s, _, err := room.SaidAt(v, "discord", "7")
		if n := len([]rune(s.Body)); err != nil || s.Ref != ref || n != room.MaxSaid || !strings.HasSuffix(s.Body, room.Cutoff) {
			t.Errorf("%d characters, %v", n, err)
		}
		return nil
	})
}

func TestEditsAndDeletionsAreRecordedOnce(t *testing.T) {
	db, clock := saidStore(t)
	joe := people.Human("joe")
	edit := func(text string) bool {
		t.Helper()
		done, err := room.RecordEdit(t.Context(), db, "discord", "7", text, joe, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	remove := func() bool {
		t.Helper()
		done, err := room.RecordDeletion(t.Context(), db, "discord", "7")
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if edit("nobody recorded it") || remove() {
		t.Error("something was recorded of a message that never was")
	}
	const secret = "the password=hunter2hunter2 is new" // stands without its secret
	if _, _, err := room.Record(t.Context(), db, "INC-1", quote("7", secret, clock.Now())); err != nil {
		t.Fatal(err)
	}
	for n, c := range []struct {
		text string
		want bool
	}{{secret, false}, {"new", true}, {"new", false}, {secret, true}, {secret, false}} {
		if got := edit(c.text); got != c.want {
			t.Errorf("edit %d: want %v, got %v", n, c.want, got)
		}
	}
	if !remove() || remove() || edit("after its end") {
		t.Error("a deletion counts once and is the end")
	}
}
