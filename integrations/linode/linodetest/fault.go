package linodetest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong: with requests when When is empty, with what
// Linode does otherwise. The first that fits strikes.
type Fault struct {
	Times int `json:"times,omitempty"` // how often; 0: until it is cleared
	After int `json:"after,omitempty"` // how many that fit pass before it strikes

	// Method and Path say which requests: "" any, Path a part of it.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Status int    `json:"status,omitempty"` // answered without doing anything
	Body   string `json:"body,omitempty"`   // of that answer; "": an error in Linode's form
	// Header goes with that answer, as Retry-After, X-Maintenance-Mode, Content-Type.
	Header  map[string]string `json:"header,omitempty"`
	Lost    bool              `json:"lost,omitempty"`    // it is carried out, then the connection is cut
	Refused bool              `json:"refused,omitempty"` // the connection is cut before anything is done
	Broken  bool              `json:"broken,omitempty"`  // it is carried out, and half of the answer comes
	Slow    time.Duration     `json:"slow,omitempty"`    // real time before it is carried out, also when the client has given up

	// When is "recycle", "attach", "detach", "delete", "reboot", "boot" or "shutdown"
	// of the machine, the volume (its label, with or without dashes) or the slot; what
	// is empty fits any.
	When    string        `json:"when,omitempty"`
	Linode  int           `json:"linode,omitempty"`
	Volume  string        `json:"volume,omitempty"`
	Slot    string        `json:"slot,omitempty"`
	Effect  Effect        `json:"effect,omitempty"`
	By      time.Duration `json:"by,omitempty"`      // of Slow
	Message string        `json:"message,omitempty"` // of the event that fails

	number int
	left   int // how often it strikes still; -1: always
	held   []func(at time.Time)
}

// Effect is what becomes of an act.
type Effect string

const (
	Slow  Effect = "slow"  // it takes By longer
	Fail  Effect = "fail"  // its event fails, and it is as before
	Hang  Effect = "hang"  // its event stays started until the fault is cleared
	Limbo Effect = "limbo" // attach: attached, not seen by the machine, the event failed; recycle: see Server.limbo
)

// Busy is the answer that Linode gives while it does something else with a machine.
func Busy(path string, times int) Fault {
	return Fault{Method: http.MethodPost, Path: path, Times: times, Status: http.StatusBadRequest, Body: `{"errors":[{"reason":"Linode busy."}]}`}
}

// Fault sets a fault and returns its number for Clear.
func (s *Server) Fault(f Fault) (number int) {
	s.do(func() {
		s.numbers++
		f.number, f.left = s.numbers, f.Times
		if f.Times == 0 {
			f.left = -1
		}
		s.faults = append(s.faults, &f)
		number = f.number
	})
	return number
}

// Clear ends faults, all when no number is given. What hung goes on.
func (s *Server) Clear(numbers ...int) {
	s.do(func() {
		at := s.now()
		var keep []*Fault
		for _, f := range s.faults {
			if len(numbers) > 0 && !slices.Contains(numbers, f.number) {
				keep = append(keep, f)
				continue
			}
			for _, goOn := range f.held {
				goOn(at)
			}
			f.held = nil
		}
		s.faults = keep
	})
}

// strikes returns the fault that strikes an act, or nil. The caller holds s.mu.
func (s *Server) strikes(when string, linode int, volume, slot string) *Fault {
	return s.first(func(f *Fault) bool {
		return f.When == when && (f.Linode == 0 || f.Linode == linode) && (f.Slot == "" || f.Slot == slot) &&
			(f.Volume == "" || volume == "" || sameLabel(f.Volume, volume))
	})
}

// hit returns the fault that strikes a request, or nil. The caller holds s.mu.
func (s *Server) hit(r *http.Request) *Fault {
	return s.first(func(f *Fault) bool {
		return f.When == "" && (f.Method == "" || f.Method == r.Method) && strings.Contains(r.URL.Path, f.Path)
	})
}

func (s *Server) first(fits func(*Fault) bool) *Fault {
	for _, f := range s.faults {
		if f.left == 0 || !fits(f) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return f
	}
	return nil
}
