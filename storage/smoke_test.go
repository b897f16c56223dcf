package storage_test

import (
	"context"
	"path/filepath"
	"testing"

	"wardroom/bot/timeline"
	"wardroom/storage"
)

func TestSmoke(t *testing.T) {
	codec, err := timeline.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "wardroom.db")
	db, err := storage.OpenSQLite(ctx, path, storage.Options{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		return timeline.Decision{Entries: []timeline.Draft{
			{Timeline: timeline.Log, Payload: &timeline.TimerFired{Key: "a"}},
			{Timeline: timeline.Incident(1), CausedByPrevious: true, Payload: &timeline.TimerFired{Key: "b"}, Effects: timeline.Effects{Take: []string{"x"}}},
		}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[1].Pos != 3 || got[1].Cause.String() != "log#1" {
		t.Fatalf("%+v", got)
	}
	if _, err := storage.OpenSQLite(ctx, path, storage.Options{Codec: codec}); err == nil {
		t.Fatal("second owner")
	} else {
		t.Log(err)
	}
	err = db.View(ctx, func(v timeline.View) error {
		e, err := v.Entries(timeline.Log, 0, 10)
		t.Log(len(e), e[1].Payload.Text(), err)
		h, err := v.Heads()
		t.Log(h, err)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
