package ownpage

import "html/template"

// What the templates are given: the site in words, for one day.

// frame is what every page has.
type frame struct {
	Head, Site string
	CSP        string
	Style      template.CSS
	Icon       template.URL
	Self, Home string // Home is "" on the front page
	Feed, JSON string
	Zone       string // "" where the team's zone is UTC
	Updated    *moment
}

type moment struct{ Machine, Text string }

type level struct {
	Text  string
	Class string // colour of text and icon
	Tint  string // colour of the ground
	Icon  string // a path in 24 by 24: the shape tells what the colour does
}

type update struct {
	Anchor, State string
	At            moment
	Posted        *moment // where it differs from At
	Corrected     *moment // when the text was put right; nil when it was not
	Text          [][]string
}

type incidentView struct {
	ID, Title, State, Link string
	Level                  level
	Started                moment
	Posted, Ended          *moment
	Took, Parts            string
	Updates                []update // the newest first
}

type part struct {
	Name, Description string
	Level             level
	Strip             *strip // nil while there is little to show
}

type partGroup struct {
	Name  string
	Parts []part
}

type dayView struct {
	Date      string
	Incidents []incidentView
}

type monthLink struct {
	Name, Link string
	Here       bool
}

type indexPage struct {
	frame
	Level           level
	Summary, Detail string
	Open            []incidentView
	Groups          []partGroup
	Past            int       // days that Days covers
	Days            []dayView // runs of quiet days are one
	Months          []monthLink
}

type incidentPage struct {
	frame
	Incident incidentView
}

type monthPage struct {
	frame
	Name   string
	Count  int
	Days   []dayView
	Months []monthLink
}
