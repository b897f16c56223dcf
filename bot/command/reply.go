package command

import "time"

// Reply is what a handler answers. It is shaped like what Discord can show;
// console and shell render the same shape.
type Reply struct {
	Text    string   `json:"text,omitempty"` // Markdown of the small kind: **bold**, `code`, lists; outside text is escaped with Escape
	Embeds  []Embed  `json:"embeds,omitempty"`
	Actions []Action `json:"actions,omitempty"` // what can be done next, at most 25
	Files   []File   `json:"files,omitempty"`
	// Data is what --json prints. Every list has it. It crosses the socket as JSON
	// and arrives there as a json.RawMessage.
	Data any `json:"data,omitempty"`
	// Table is Data for eyes: the shell aligns it, a room shows it in a code block.
	Table *TableData `json:"table,omitempty"`
	// Confirm asks before anything happens: surfaces show Text and offer Actions[0]
	// as the way to go on.
	Confirm bool `json:"confirm,omitempty"`
}

// Embed is a titled block with fields.
type Embed struct {
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Fields      []Field   `json:"fields,omitempty"`
	Color       int       `json:"color,omitempty"` // 0xRRGGBB; 0: none
	Footer      string    `json:"footer,omitempty"`
	At          time.Time `json:"at,omitzero"` // zero: not shown
}

// Field of an embed.
type Field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline,omitempty"`
}

// Action is a next act, offered as a button. Pressing it asks exactly Ask, with
// the presser as the caller: it goes through every stage.
type Action struct {
	Label string `json:"label"`
	Ask   Ask    `json:"ask"`
	Style Style  `json:"style,omitempty"`
	// Form opens the command's form first, filled with what Ask says already.
	Form bool `json:"form,omitempty"`
}

// Style of an action.
type Style int

const (
	Secondary Style = iota
	Primary
	Danger
)

// File is an attachment.
type File struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Body        []byte `json:"body"`
}

// TableData is rows of cells under headings. Cells are plain text.
type TableData struct {
	Headings []string   `json:"headings"`
	Rows     [][]string `json:"rows"`
}
