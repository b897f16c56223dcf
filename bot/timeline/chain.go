package timeline

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Hash is a SHA-256 digest. The zero Hash precedes the first entry.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is enough of the hash to tell heads apart by eye.
func (h Hash) Short() string { return h.String()[:12] }

func (h Hash) IsZero() bool { return h == Hash{} }

func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fmt.Errorf("hash %q: want %d hexadecimal digits", b, 2*len(h))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Salt hides a payload's content from whoever knows its digest.
type Salt [16]byte

// Seal is an entry's links in the chain.
type Seal struct {
	Salt    Salt // zero when the payload was erased
	Payload Hash // SHA-256(salt ‖ body); stays when the payload is erased
	Prev    Hash // the hash of the entry before it
	Hash    Hash // this entry's
}

// PayloadHash is the form in which a payload stands in the chain.
func PayloadHash(salt Salt, body []byte) Hash {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(body)
	return Hash(h.Sum(nil))
}

// canonicalVersion starts the canonical form; a change of the form changes it.
const canonicalVersion = "wardroom entry 1"

// ChainHash is the hash of e after the entry whose hash is prev. It covers every
// field but the payload itself, which stands as payload's digest. Times count in
// microseconds, the precision that every supported database keeps.
func ChainHash(prev Hash, e *Entry, payload Hash) (Hash, error) {
	effects, err := EncodeEffects(e.Effects)
	if err != nil {
		return Hash{}, err
	}
	b := make([]byte, 0, 512)
	b = appendField(b, canonicalVersion)
	b = append(b, prev[:]...)
	b = appendField(b, string(e.Timeline))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Pos))
	b = appendField(b, string(e.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(e.OccurredAt.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.RecordedAt.UnixMicro()))
	b = appendField(b, e.Actor.String())
	b = appendField(b, e.Cause.String())
	b = appendField(b, e.Supersedes.String())
	b = appendField(b, effects)
	b = append(b, payload[:]...)
	return sha256.Sum256(b), nil
}

func appendField(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// EncodeEffects is the stored and hashed form: "" when there are none.
func EncodeEffects(e Effects) (string, error) {
	if e.IsZero() {
		return "", nil
	}
	b, err := json.Marshal(e)
	return string(b), err
}

// DecodeEffects reads the stored form.
func DecodeEffects(s string) (Effects, error) {
	var e Effects
	if s == "" {
		return e, nil
	}
	err := json.Unmarshal([]byte(s), &e)
	return e, err
}

// Stamp brings a time to what is recorded: UTC, microseconds.
func Stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
