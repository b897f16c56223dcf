package room

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"wardroom/bot/problem"
	"wardroom/bot/timeline"
)

// Vault keeps copies of files by what they hold: the same bytes are kept once.
type Vault interface {
	// Keep copies r until its end and returns the SHA-256 of it in lower-case
	// hexadecimal, and its size in bytes. More than limit bytes are a TooLarge problem,
	// a full disk an Unavailable one; then nothing is kept. When it returns the copy is
	// on disk. Keeping what is kept already succeeds.
	Keep(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	// Open reads a copy; a NotFound problem when there is none. Close it.
	Open(sha256 string) (io.ReadCloser, error)
	// Drop deletes a copy. Dropping what is not there succeeds.
	Drop(sha256 string) error
}

// keptPrefix begins the scratch notes that tell which messages name a copy:
// "attachment/<sha256>/<claim of the message>". An erased entry no longer says it.
const keptPrefix = "attachment/"

func keptKey(sha256, claim string) string { return keptPrefix + sha256 + "/" + claim }

// Record puts a message into a timeline, once: where it stands already its entry
// is returned, and again is true. Copies that it names must be in the vault by now.
//
// The caller has made sure that the incident exists. Nothing else may be repeated
// so freely: a message that is recorded already stays where it stands.
func Record(ctx context.Context, store timeline.Store, id timeline.ID, q Quote) (ref timeline.Ref, again bool, err error) {
	claim := SaidClaim(q.Chat, q.Message)
	said := q.Said
	said.Body = cutSaid(said.Body)
	entries, err := store.Update(ctx, func(v timeline.View) (timeline.Decision, error) {
		earlier, held, err := v.Claim(claim)
		if err != nil {
			return timeline.Decision{}, err
		}
		if held {
			ref, again = earlier, true
			return timeline.Decision{}, nil
		}
		d := timeline.Decision{Entries: []timeline.Draft{{
			Timeline: id, Payload: &said, Actor: q.Actor, Cause: q.Cause, OccurredAt: notAfter(q.SentAt, v.Now()),
			Effects: timeline.Effects{Take: []string{claim}},
		}}}
		for _, a := range said.Attachments {
			if a.SHA256 != "" {
				d.Scratch = append(d.Scratch, timeline.ScratchPut{Key: keptKey(a.SHA256, claim), Doc: []byte("{}")})
			}
		}
		return d, nil
	})
	if err != nil || again {
		return ref, again, err
	}
	return entries[len(entries)-1].Ref, false, nil
}

func cutSaid(text string) string {
	runes := []rune(text)
	if len(runes) <= MaxSaid {
		return text
	}
	return string(runes[:MaxSaid-len([]rune(Cutoff))]) + Cutoff
}

// DropErased deletes the copies that only erased messages name, and returns how
// many. It is repeatable: call it after each erasure, and at the start for what a
// crash left over. A copy that another message names stays; one that is named for
// the first time in the same instant may be lost with it, and its entry keeps the hash.
func DropErased(ctx context.Context, store timeline.Store, vault Vault) (int, error) {
	orphaned := map[string][]string{} // scratch keys by copy
	err := store.View(ctx, func(v timeline.View) error {
		notes, err := v.Scratch(keptPrefix)
		if err != nil {
			return err
		}
		named := map[string]bool{}
		for key := range notes {
			sha, claim, ok := strings.Cut(strings.TrimPrefix(key, keptPrefix), "/")
			if !ok {
				continue
			}
			gone, err := isErased(v, claim)
			if err != nil {
				return err
			}
			if !gone {
				named[sha] = true
				continue
			}
			orphaned[sha] = append(orphaned[sha], key)
		}
		for sha := range named {
			delete(orphaned, sha)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	dropped := 0
	var errs []error
	for sha, keys := range orphaned {
		if err := vault.Drop(sha); err != nil {
			errs = append(errs, fmt.Errorf("drop copy %s: %w", sha, err))
			continue
		}
		dropped++
		if err := forget(ctx, store, keys); err != nil {
			errs = append(errs, err)
		}
	}
	return dropped, errors.Join(errs...)
}

// isErased reports whether the entry that took the claim has lost its payload.
func isErased(v timeline.View, claim string) (bool, error) {
	ref, held, err := v.Claim(claim)
	if err != nil || !held {
		return !held, err
	}
	e, err := v.Entry(ref)
	if err != nil {
		if problem.Is(err, problem.NotFound) {
			return true, nil
		}
		return false, err
	}
	_, gone := e.Payload.(*timeline.Erased)
	return gone, nil
}

func forget(ctx context.Context, store timeline.Store, keys []string) error {
	_, err := store.Update(ctx, func(timeline.View) (timeline.Decision, error) {
		var d timeline.Decision
		for _, key := range keys {
			d.Scratch = append(d.Scratch, timeline.ScratchPut{Key: key})
		}
		return d, nil
	})
	return err
}

// Shredder is the follower "attachments": it deletes copies after an erasure.
type Shredder struct {
	Store timeline.Store
	Vault Vault
}

var (
	_ timeline.Poster = (*Shredder)(nil)
	_ timeline.Choosy = (*Shredder)(nil)
)

// Wants implements [timeline.Choosy].
func (*Shredder) Wants(k timeline.Kind) bool { return k == (&timeline.Erasure{}).Kind() }

// Post implements [timeline.Poster]; it makes nothing outside.
func (s *Shredder) Post(ctx context.Context, d timeline.Delivery) ([]timeline.Delivered, error) {
	for _, e := range d.Entries {
		if s.Wants(e.Kind) {
			_, err := DropErased(ctx, s.Store, s.Vault)
			return nil, err
		}
	}
	return nil, nil
}
