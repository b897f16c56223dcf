package statuspage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	port "wardroom/bot/statuspage"
	"wardroom/integrations/statuspage/statuspagetest"
)

func TestCorrectionChangesTheUpdateInPlace(t *testing.T) {
	r := newRig(t)
	r.pass("00:42")
	r.post(port.Post{Incident: inc1, Text: "Acme Ltd cannot sign in"})
	r.backdate("00:25")
	r.pass("00:57")
	r.post(port.Post{Incident: inc1, State: port.Identified, Text: "The node is being replaced"})
	before := len(r.sim.Requests())
	r.pass("01:10")
	r.correct(0, "Some customers cannot sign in")
	r.expect(title+" | 00:25 investigating: Some customers cannot sign in", title+" | 00:57 identified: The node is being replaced")
	var changes []string
	for _, request := range r.sim.Requests()[before:] {
		if method, path, _ := strings.Cut(request, " "); method != http.MethodGet {
			changes = append(changes, method+" …"+path[strings.LastIndex(path, "/incident_updates/"):])
		}
	}
	if diff := cmp.Diff([]string{"PATCH …/incident_updates/" + r.sim.Incidents()[0].Updates[0].ID}, changes); diff != "" {
		t.Errorf("changes:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Acme Ltd cannot sign in", "The node is being replaced"}, r.sim.Announced()); diff != "" {
		t.Errorf("subscribers were sent:\n%s", diff)
	}
	if f := r.failures(); f != nil {
		t.Errorf("failures: %q", f)
	}
}

// Each request in turn is carried out but its answer is lost, also that of the
// update which is corrected then: it is known again by what it said before.
func TestLostAnswerNeverCorrectsAnythingElse(t *testing.T) {
	for lost := range 12 {
		t.Run(fmt.Sprintf("request %d", lost+1), func(t *testing.T) {
			r := newRig(t)
			r.sim.Fault(statuspagetest.Fault{Lost: true, Times: 1, After: lost})
			r.pass("00:42")
			r.post(port.Post{Incident: inc1, Text: "Acme Ltd cannot sign in"})
			r.correct(0, "Some customers cannot sign in")
			r.pass("01:00")
			r.post(port.Post{Incident: inc1, Text: "Still investigating"})
			r.correct(0, "Some people cannot sign in")
			r.pass("02:00")
			r.expect(title+" | 00:42 investigating: Some people cannot sign in", title+" | 01:00 investigating: Still investigating")
			if f := r.failures(); f != nil {
				t.Errorf("failures: %q", f)
			}
		})
	}
}

func TestCorrectionArrivesAfterAnOutageWithoutTheWrongText(t *testing.T) {
	r := newRig(t)
	r.pass("00:42")
	r.sim.Fault(statuspagetest.Fault{Status: 503})
	r.post(port.Post{Incident: inc1, Text: "Acme Ltd cannot sign in"})
	r.pass("00:50")
	r.correct(0, "Some customers cannot sign in")
	r.sim.Heal()
	r.pass("01:10")
	r.expect(title + " | 00:42 investigating: Some customers cannot sign in")
	if diff := cmp.Diff([]string{"Some customers cannot sign in"}, r.sim.Announced()); diff != "" {
		t.Errorf("subscribers were sent:\n%s", diff)
	}
}

func TestRefusedCorrectionIsSaid(t *testing.T) {
	r := newRig(t)
	r.post(port.Post{Incident: inc1, Text: "A"})
	r.sim.Fault(statuspagetest.Fault{Method: http.MethodPatch, Status: 422, Body: `{"error":["Body is bad"]}`, Times: 1})
	r.correct(0, "B")
	r.expect(title + " | 00:32 investigating: A")
	if diff := cmp.Diff([]string{"Statuspage refused the request (422): [Body is bad]"}, r.failures()); diff != "" {
		t.Errorf("failures:\n%s", diff)
	}
	r.pass("01:00") // whatever comes next brings it
	r.post(port.Post{Incident: inc1, Text: "C"})
	r.expect(title+" | 00:32 investigating: B", title+" | 01:00 investigating: C")
}

// A correction replaces what somebody wrote there before it; what somebody writes
// there after it stays.
func TestCorrectionAndWhatPeopleDoByHand(t *testing.T) {
	r := newRig(t)
	r.post(port.Post{Incident: inc1, Text: "A"})
	r.pass("00:40")
	r.sim.EditUpdate(0, 0, "A, by hand")
	r.pass("00:50")
	r.correct(0, "B")
	r.expect(title + " | 00:32 investigating: B")
	r.pass("01:00")
	r.sim.EditUpdate(0, 0, "B, by hand")
	r.post(port.Post{Incident: inc1, Text: "C"})
	r.expect(title+" | 00:32 investigating: B, by hand", title+" | 01:00 investigating: C")
}
