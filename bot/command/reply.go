package command

import "time"

// Reply is what a handler answers. It is shaped like what Discord can show;
// console and shell render the same shape.
type Reply struct {
	Text    string   // Markdown of the small kind: **bold**, `code`, lists; outside text is escaped with Escape
	Embeds  []Embed  //
	Actions []Action // what can be done next, at most 25
	Files   []File
	// Data is what --json prints. Every list has it.
	Data any
	// Table is Data for eyes: the shell aligns it, a room shows it in a code block.
	Table *TableData
	// Confirm asks before anything happens: surfaces show Text and offer Actions[0]
	// as the way to go on.
	Confirm bool
}

// Embed is a titled block with fields.
type Embed struct {
	Title       string
	Description string
	Fields      []Field
	Color       int // 0xRRGGBB; 0: none
	Footer      string
	At          time.Time // zero: not shown
}

// Field of an embed.
type Field struct {
	Name, Value string
	Inline      bool
}

// Action is a next act, offered as a button. Pressing it asks exactly Ask, with
// the presser as the caller: it goes through every stage.
type Action struct {
	Label string
	Ask   Ask
	Style Style
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
	Name, ContentType string
	Body              []byte
}

// TableData is rows of cells under headings. Cells are plain text.
type TableData struct {
	Headings []string
	Rows     [][]string
}
