package discordtest

import "strings"

// Shown is a message as the transcript shows it, also one that only one person sees:
// that one begins with a line that says so.
func (s *Server) Shown(m *Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transcript{st: s.state}
	if m.Ephemeral() {
		t.line("    ", "(only you see this)")
	}
	switch m.Type {
	case 6:
		t.line("    ", "pinned a message")
	case 18:
		t.line("    ", "started a thread: %s", m.Content)
	default:
		t.body(m)
	}
	return t.out.String()
}

// ShownForm is a form as a client shows it, with what it was filled with: a field that
// need not be filled in is "(optional)", an empty one shows its placeholder in grey,
// which is …these dots….
func (s *Server) ShownForm(m *Modal) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transcript{st: s.state}
	t.line("    ", "┌ %s", m.Title)
	for _, row := range m.Components {
		inner := row.Components
		if row.Component != nil {
			inner = []Component{*row.Component}
		}
		for _, c := range inner {
			label := c.Label
			if row.Type == Label {
				label = row.Label
			}
			if c.Required != nil && !*c.Required {
				label += " (optional)"
			}
			value := c.Value
			if value == "" && c.Placeholder != "" {
				value = "…" + c.Placeholder + "…"
			}
			t.line("    │ ", "%s", label)
			t.line("    │   ", "%s", strings.TrimSuffix("["+value+"]", "\n"))
		}
	}
	t.line("    ", "└ [Submit]")
	return t.out.String()
}
