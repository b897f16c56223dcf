package ownpage

import "wardroom/bot/timeline"

// links are relative, so that a page works under any address, behind any proxy
// and from a file.
type links struct {
	front  bool // the page stands at the root
	static bool // it is a file
}

func (l links) up() string {
	if l.front {
		return ""
	}
	return "../"
}

func (l links) home() string {
	switch {
	case l.static:
		return l.up() + "index.html"
	case l.front:
		return "./"
	}
	return "../"
}

func (l links) incident(id timeline.ID) string { return l.up() + incidentPath(id, l.static) }
func (l links) month(m string) string          { return l.up() + monthPath(m, l.static) }
func (l links) feed() string                   { return l.up() + feedPath }
func (l links) json() string                   { return l.up() + jsonPath }

const (
	feedPath = "feed.atom"
	jsonPath = "status.json"
)

func incidentPath(id timeline.ID, static bool) string {
	if static {
		return "incidents/" + id.Padded() + ".html"
	}
	return "incidents/" + string(id)
}

func monthPath(m string, static bool) string {
	if static {
		return "history/" + m + ".html"
	}
	return "history/" + m
}
