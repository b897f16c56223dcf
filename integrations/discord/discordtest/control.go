package discordtest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Info is what a bot and a test need to know of a simulator in another process.
type Info struct {
	URL         string `json:"url"`
	Token       string `json:"token"`
	Guild       string `json:"guild"`
	Application string `json:"application"`
	PublicKey   string `json:"public_key"` // hex
}

// Info describes the simulator.
func (s *Server) Info() Info {
	return Info{s.URL(), s.opt.Token, guildID, applicationID, hex.EncodeToString(s.PublicKey())}
}

// order is the body of a control request: what the call of that name takes.
type order struct {
	Action      *Action       `json:"action,omitempty"`
	Fault       *Fault        `json:"fault,omitempty"`
	Gateway     *GatewayFault `json:"gateway,omitempty"`
	Numbers     []int         `json:"numbers,omitempty"`
	Name        string        `json:"name,omitempty"`
	URL         string        `json:"url,omitempty"`
	Text        string        `json:"text,omitempty"`
	After       string        `json:"after,omitempty"`
	Overwrites  []Overwrite   `json:"overwrites,omitempty"`
	Kind        int           `json:"kind,omitempty"`
	Intents     int           `json:"intents,omitempty"`
	Permissions Permission    `json:"permissions,omitempty"`
	Refuse      bool          `json:"refuse,omitempty"`
	For         time.Duration `json:"for,omitempty"`
}

// Control serves the simulator's strings: faults and people over HTTP, for tests in
// other processes (see Remote). It must not be reachable for others: whoever reaches
// it is everybody in the guild.
func (s *Server) Control() http.Handler {
	calls := map[string]func(context.Context, order) (any, error){
		"info":       func(context.Context, order) (any, error) { return s.Info(), nil },
		"transcript": func(context.Context, order) (any, error) { return s.Transcript(), nil },
		"channels":   func(context.Context, order) (any, error) { return s.Channels(), nil },
		"commands":   func(context.Context, order) (any, error) { return s.Commands(), nil },
		"messages":   func(_ context.Context, o order) (any, error) { return s.Messages(o.Name), nil },
		"pinned":     func(_ context.Context, o order) (any, error) { return s.Pinned(o.Name), nil },
		"typed":      func(_ context.Context, o order) (any, error) { return s.Typed(o.Name), nil },
		"user":       func(_ context.Context, o order) (any, error) { return s.UserID(o.Name), nil },
		"requests":   func(context.Context, order) (any, error) { return s.Requests(), nil },
		"wait-text": func(ctx context.Context, o order) (any, error) {
			return value(s.WaitText(ctx, o.Name, o.Text, o.After))
		},
		"wait-session": func(ctx context.Context, _ order) (any, error) { return nil, s.WaitSession(ctx) },
		"overwrites": func(_ context.Context, o order) (any, error) {
			s.SetOverwrites(o.Name, o.Overwrites...)
			return nil, nil
		},
		"sessions": func(context.Context, order) (any, error) {
			i, r, c := s.Sessions()
			return []int{i, r, c}, nil
		},
		"act": func(ctx context.Context, o order) (any, error) {
			if o.Action == nil {
				return nil, fmt.Errorf("no action")
			}
			return s.act(ctx, *o.Action)
		},
		"fault": func(_ context.Context, o order) (any, error) {
			if o.Fault == nil {
				return nil, fmt.Errorf("no fault")
			}
			return s.Fault(*o.Fault), nil
		},
		"gateway": func(_ context.Context, o order) (any, error) {
			if o.Gateway == nil {
				return nil, fmt.Errorf("no fault")
			}
			s.Gateway(*o.Gateway)
			return nil, nil
		},
		"clear": func(_ context.Context, o order) (any, error) { s.Clear(o.Numbers...); return nil, nil },
		"down": func(_ context.Context, o order) (any, error) {
			if o.For > 0 {
				s.DownFor(o.Refuse, o.For)
			} else {
				s.Down(o.Refuse)
			}
			return nil, nil
		},
		"up":          func(context.Context, order) (any, error) { return nil, s.Up() },
		"intents":     func(_ context.Context, o order) (any, error) { s.SetIntents(o.Intents); return nil, nil },
		"permissions": func(_ context.Context, o order) (any, error) { s.SetPermissions(o.Permissions); return nil, nil },
		"add-channel": func(_ context.Context, o order) (any, error) { return s.AddChannel(o.Name, o.Kind, o.URL), nil },
		"delete-channel": func(_ context.Context, o order) (any, error) {
			s.DeleteChannel(o.Name)
			return nil, nil
		},
		"interactions-url": func(ctx context.Context, o order) (any, error) { return nil, s.SetInteractionsURL(ctx, o.URL) },
	}
	mux := http.NewServeMux()
	for name, do := range calls {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			var o order
			raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*maxBody))
			if err == nil && len(raw) > 0 {
				err = json.Unmarshal(raw, &o)
			}
			var result any
			if err == nil {
				result, err = do(r.Context(), o)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			answer(w, http.StatusOK, map[string]any{"result": result, "error": text})
		})
	}
	return mux
}

// DownFor is Down and, after d on the clock of Options.After, Up. It returns at once.
func (s *Server) DownFor(refuse bool, d time.Duration) {
	s.Down(refuse)
	c, stop := s.opt.After(d)
	go func() {
		defer stop()
		<-c
		if err := s.Up(); err != nil {
			s.opt.Log.Warn("the simulated Discord stays down", "error", err)
		}
	}()
}
