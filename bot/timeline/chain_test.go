package timeline

import (
	"testing"
	"time"

	"wardroom/bot/people"
)

func sample() *Entry {
	at := time.Date(2021, 7, 11, 0, 42, 0, 123456000, time.UTC)
	return &Entry{
		Ref: Ref{"INC-1", 7}, Pos: 19, Kind: "note", OccurredAt: at.Add(-17 * time.Minute), RecordedAt: at,
		Actor: people.Human("joe"), Cause: Ref{Log, 3}, Supersedes: Ref{"INC-1", 5},
		Effects: Effects{Take: []string{"a"}, Set: []Timer{{Key: "k", Due: at, Timeline: "INC-1", What: "w"}}},
	}
}

// TestCanonicalFormStaysAsItIs: a changed form makes every database in the world
// fail to verify. Whoever changes it on purpose changes canonicalVersion too.
func TestCanonicalFormStaysAsItIs(t *testing.T) {
	h, err := ChainHash(Hash{1}, sample(), PayloadHash(Salt{2}, []byte(`{"body":"x"}`)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "9605ba9eab9d72341faeac21c09044bb569d03b90e917bf4d4d197b2b776579a"
	if h.String() != want {
		t.Errorf("the hash of the sample is %s, want %s", h, want)
	}
}

func TestEveryFieldIsHashed(t *testing.T) {
	payload := PayloadHash(Salt{}, []byte(`{}`))
	base, err := ChainHash(Hash{}, sample(), payload)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Entry){
		"timeline":      func(e *Entry) { e.Timeline = "INC-2" },
		"seq":           func(e *Entry) { e.Seq++ },
		"pos":           func(e *Entry) { e.Pos++ },
		"kind":          func(e *Entry) { e.Kind = "notes" },
		"occurred":      func(e *Entry) { e.OccurredAt = e.OccurredAt.Add(time.Microsecond) },
		"recorded":      func(e *Entry) { e.RecordedAt = e.RecordedAt.Add(time.Microsecond) },
		"actor":         func(e *Entry) { e.Actor = people.Human("chris") },
		"kind of actor": func(e *Entry) { e.Actor = people.Source("joe") },
		"cause":         func(e *Entry) { e.Cause = Ref{Log, 4} },
		"supersedes":    func(e *Entry) { e.Supersedes = Ref{} },
		"effects":       func(e *Entry) { e.Effects.Take = []string{"b"} },
	} {
		e := sample()
		change(e)
		h, err := ChainHash(Hash{}, e, payload)
		if err != nil {
			t.Fatal(err)
		}
		if h == base {
			t.Errorf("a changed %s does not change the hash", name)
		}
	}
	if h, _ := ChainHash(Hash{9}, sample(), payload); h == base {
		t.Error("another entry before it does not change the hash")
	}
	if h, _ := ChainHash(Hash{}, sample(), Hash{9}); h == base {
		t.Error("another payload does not change the hash")
	}
}

func TestRefs(t *testing.T) {
	for text, want := range map[string]Ref{"": {}, "INC-1#17": {"INC-1", 17}, "inc-0001#17": {"INC-1", 17}, "log#3": {Log, 3}, "7#1": {"INC-7", 1}} {
		if got, err := ParseRef(text); err != nil || got != want {
			t.Errorf("ParseRef(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"17", "INC-1", "INC-1#", "INC-1#0", "INC-1#-1", "INC-0#1", "#1", "INC-1#1#2", "INC--1#1", "INC-1#9223372036854775808"} {
		if got, err := ParseRef(text); err == nil {
			t.Errorf("ParseRef(%q) = %v, want an error", text, got)
		}
	}
}

func TestNames(t *testing.T) {
	if got := Incident(7).Padded(); got != "INC-0007" {
		t.Errorf("padded: %s", got)
	}
	if Log.IsIncident() || !Incident(1).IsIncident() || ID("INC-0").IsIncident() || ID("INC-x").IsIncident() {
		t.Error("what is an incident and what is not")
	}
}

type noted struct {
	Body string `json:"body"`
}

func (*noted) Kind() Kind     { return "note" }
func (n *noted) Text() string { return n.Body }

func TestCodec(t *testing.T) {
	c, err := NewCodec([]KindSpec{KindOf[noted](Key)})
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.Encode(&noted{"<b> & “x”"})
	if err != nil || string(body) != `{"body":"<b> & “x”"}` {
		t.Errorf("encoded %s, %v", body, err)
	}
	if p, ok := c.Decode("note", body).(*noted); !ok || p.Body != "<b> & “x”" {
		t.Errorf("decoded %#v", p)
	}
	if c.Prominence("note") != Key || c.Prominence("never heard of") != Detail {
		t.Error("prominence")
	}
	for name, p := range map[string]Payload{
		"of a kind nobody declared": c.Decode("robot.danced", []byte(`{"steps":3}`)),
		"that does not decode":      c.Decode("note", []byte(`{"body":3}`)),
	} {
		if u, ok := p.(*Unknown); !ok || len(u.Raw) == 0 {
			t.Errorf("a payload %s comes back as %#v, want it raw", name, p)
		}
	}
	if _, err := c.Encode(&Unknown{kind: "robot.danced"}); err == nil {
		t.Error("a kind nobody declared was encoded")
	}
	if _, err := NewCodec([]KindSpec{KindOf[noted](Key)}, []KindSpec{KindOf[noted](Detail)}); err == nil {
		t.Error("a kind that is declared twice was accepted")
	}
	sealed, err := c.Seal(&noted{"password=hunter2hunter2"})
	if err != nil || sealed.Text() == "password=hunter2hunter2" {
		t.Errorf("a sealed payload shows %q (%v): folds must see what was recorded", sealed.Text(), err)
	}
}
