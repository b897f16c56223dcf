package alert

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wardroom/bot/timeline"
)

// The same types without their own methods, for encoding/json to speak.
type (
	plainReceived Received
	plainCurrent  Current
	plainJoined   Joined
)

func plain(t interface{ Fatal(...any) }, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func drawTexts(r *rapid.T, name string) map[string]string {
	m := rapid.MapOfN(rapid.String(), rapid.String(), 0, 5).Draw(r, name)
	if len(m) == 0 {
		return nil
	}
	return m
}

func drawTime(r *rapid.T, name string) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(r, name)).UTC()
}

func drawReceived(r *rapid.T) Received {
	p := Received{Found: rapid.String().Draw(r, "found"), Alert: Alert{
		Source: rapid.String().Draw(r, "source"), Fingerprint: rapid.String().Draw(r, "fingerprint"), Status: Firing,
		Labels: drawTexts(r, "labels"), Annotations: drawTexts(r, "annotations"), StartsAt: drawTime(r, "starts_at"), GeneratorURL: rapid.String().Draw(r, "url")}}
	if rapid.Bool().Draw(r, "resolved") {
		p.Alert.Status, p.Alert.EndsAt = Resolved, drawTime(r, "ends_at")
	}
	if rapid.Bool().Draw(r, "valued") {
		n := rapid.Float64().Draw(r, "value")
		p.Value = &Value{First: n, Peak: n, Last: 1, PeakAt: drawTime(r, "peak_at")}
	}
	return p
}

// TestEveryFieldIsWrittenAndRead finds a field that was added to the types and
// forgotten in json.go.
func TestEveryFieldIsWrittenAndRead(t *testing.T) {
	p, c := new(Received), new(Current)
	fill(t, reflect.ValueOf(p).Elem())
	fill(t, reflect.ValueOf(c).Elem())
	if got, want := p.AppendJSON(nil), plain(t, (*plainReceived)(p)); !bytes.Equal(got, want) {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
	if got, want := c.AppendJSON(nil), plain(t, (*plainCurrent)(c)); !bytes.Equal(got, want) {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
	var p2 Received
	if !p2.DecodeJSON(p.AppendJSON(nil)) || !reflect.DeepEqual(*p, p2) {
		t.Errorf("read %+v\nwant %+v", p2, *p)
	}
	var c2 Current
	if !c2.DecodeJSON(c.AppendJSON(nil)) || !reflect.DeepEqual(*c, c2) {
		t.Errorf("read %+v\nwant %+v", c2, *c)
	}
}

// fill sets every field to something that is not empty.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2021, 7, 11, 0, 31, 0, 5000, time.UTC)))
		return
	case timeline.Ref:
		v.Set(reflect.ValueOf(timeline.Ref{Timeline: timeline.Log, Seq: 7}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(t, v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"b": "1", "a": "2"}))
	default:
		t.Fatalf("a field of kind %s: teach json.go and this test about it", v.Kind())
	}
}

func TestWrittenAsEncodingJSONWould(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawReceived(r)
		body := p.AppendJSON(nil)
		if want := plain(r, plainReceived(p)); !bytes.Equal(body, want) {
			r.Fatalf("wrote %s\nwant  %s", body, want)
		}
		var back Received
		if !back.DecodeJSON(body) {
			if err := json.Unmarshal(body, (*plainReceived)(&back)); err != nil {
				r.Fatal(err)
			}
		}
		if diff := cmp.Diff(p, back); diff != "" {
			r.Fatalf("read back (-want +got):\n%s", diff)
		}

		c := Current{Alert: p.Alert, Value: p.Value, FirstSeen: drawTime(r, "first"), LastSeen: drawTime(r, "last"), Received: timeline.Ref{Timeline: timeline.Log, Seq: 7}}
		if rapid.Bool().Draw(r, "joined") {
			c.Incident, c.ChangedAt = "INC-3", drawTime(r, "changed")
			c.Last = Membership{Incident: "INC-3", Firing: rapid.Bool().Draw(r, "counts")}
		}
		row := c.AppendJSON(nil)
		if want := plain(r, plainCurrent(c)); !bytes.Equal(row, want) {
			r.Fatalf("wrote %s\nwant  %s", row, want)
		}
		var again Current
		if !again.DecodeJSON(row) {
			again = Current{}
			if err := json.Unmarshal(row, (*plainCurrent)(&again)); err != nil {
				r.Fatal(err)
			}
		}
		if diff := cmp.Diff(c, again); diff != "" {
			r.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}

// FuzzDecodeReceived holds the quick reader to encoding/json: what it takes,
// encoding/json takes with the same result.
func FuzzDecodeReceived(f *testing.F) {
	for _, seed := range []string{
		`{"alert":{"source":"am","fingerprint":"a1","status":"firing","labels":{"a":"\u003c\n"},"starts_at":"2021-07-11T00:31:00Z"},"value":{"first":3,"peak":3,"last":3,"peak_at":"2021-07-11T00:31:00Z"},"found":"x"}`,
		`{"alert":null,"Alert":{},"unknown":[1,-0.5e+7,true,null,{"a":"\ud83d\ude00"}]}`, `{}`, `[]`, `null`, `{"alert":{"labels":{"a":null,"a":"b"}}} `, "{\"found\":\"\xff\"}", `{"alert":{"starts_at":"2021-07-11 00:31"}}`, `{"found":01}`, `{"value":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var quick Received
		if !quick.DecodeJSON(body) {
			return
		}
		var slow plainReceived
		if err := json.Unmarshal(body, &slow); err != nil {
			t.Fatalf("took what encoding/json refuses: %v", err)
		}
		if !reflect.DeepEqual(quick, Received(slow)) {
			t.Fatalf("got  %+v\nwant %+v", quick, Received(slow))
		}
	})
}

func BenchmarkReceived(b *testing.B) {
	p := Received{Alert: Alert{Source: "alertmanager", Fingerprint: "0123456789abcdef", Status: Firing, StartsAt: time.Date(2021, 7, 11, 0, 31, 0, 0, time.UTC),
		Labels:      map[string]string{"alertname": "kubernetes/pod-not-healthy", "namespace": "default", "pod": "site-1", "severity": "page"},
		Annotations: map[string]string{"summary": "Pod default/site-1 is not healthy", "description": "The pod has been in a non-ready state for more than 15 minutes."}}}
	body := p.AppendJSON(nil)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			p.AppendJSON(body[:0:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			var back Received
			if !back.DecodeJSON(body) {
				b.Fatal("not taken")
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			var back plainReceived
			if err := json.Unmarshal(body, &back); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func drawBrief(r *rapid.T) Brief {
	p := drawReceived(r)
	b := p.Alert.Brief()
	b.Value = p.Value
	return b
}

func TestJoinedIsWrittenAsEncodingJSONWould(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		j := Joined{Why: rapid.String().Draw(r, "why"), Alerts: rapid.SliceOfN(rapid.Custom(drawBrief), 1, 3).Draw(r, "alerts")}
		if rapid.Bool().Draw(r, "counted") {
			j.Now = &Tally{Total: rapid.Int().Draw(r, "total"), Firing: rapid.Int().Draw(r, "firing")}
		}
		if rapid.Bool().Draw(r, "sharing") {
			j.Shared = map[string][]string{rapid.String().Draw(r, "label"): {rapid.String().Draw(r, "shared")}}
		}
		if diff := cmp.Diff(string(plain(r, plainJoined(j))), string(j.AppendJSON(nil))); diff != "" {
			r.Fatal(diff)
		}
	})
}
