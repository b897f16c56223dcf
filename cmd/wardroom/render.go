package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"wardroom/bot/command"
)

// style is how replies look: with ANSI attributes or without, wrapped to a width
// or not.
type style struct {
	ansi  bool
	width int            // 0: nothing is wrapped or cut
	table *command.Table // turns what is typed in rooms into what is typed here; may be nil
}

// terminalStyle goes by the terminal and by NO_COLOR (https://no-color.org).
func terminalStyle(f *os.File) style {
	width := terminalWidth(f)
	return style{ansi: width > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", width: width}
}

func (s style) attribute(code, text string) string {
	if !s.ansi || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string { return s.attribute("1", text) }
func (s style) faint(text string) string {
	return s.attribute("2", text)
}

// reply writes a reply for eyes: text, embeds, table, and the next acts as what
// is typed for them.
func (s style) reply(w io.Writer, t *command.Table, r command.Reply) {
	s.table = t
	var blocks []string
	add := func(block string) {
		if block = strings.TrimRight(block, "\n"); block != "" {
			blocks = append(blocks, block)
		}
	}
	add(s.text(r.Text))
	for _, e := range r.Embeds {
		add(s.embed(e))
	}
	if r.Table != nil {
		add(s.grid(*r.Table))
	}
	add(s.actions(r.Actions))
	if len(blocks) > 0 {
		fmt.Fprintln(w, strings.Join(blocks, "\n\n"))
	}
}

func (s style) embed(e command.Embed) string {
	var b strings.Builder
	line := func(text string) {
		if text != "" {
			b.WriteString(text + "\n")
		}
	}
	line(s.bold(sanitize(command.Unescape(e.Title))))
	line(s.text(e.Description))
	names := 0
	for _, f := range e.Fields {
		if f.Inline {
			names = max(names, displayWidth(sanitize(command.Unescape(f.Name))))
		}
	}
	for _, f := range e.Fields {
		name := sanitize(command.Unescape(f.Name))
		if f.Inline {
			line(s.faint(pad(name, names)) + "  " + s.indented(f.Value, names+2))
			continue
		}
		line("\n" + s.bold(name))
		line("  " + s.indented(f.Value, 2))
	}
	footer := sanitize(command.Unescape(e.Footer))
	if !e.At.IsZero() {
		footer = strings.TrimPrefix(footer+" · "+e.At.UTC().Format("2006-01-02 15:04 UTC"), " · ")
	}
	if footer != "" {
		line("\n" + s.faint(footer))
	}
	return strings.TrimLeft(b.String(), "\n")
}

// indented is text whose lines after the first begin in a column.
func (s style) indented(text string, column int) string {
	narrow := s
	if narrow.width > 0 {
		narrow.width = max(20, s.width-column)
	}
	return strings.ReplaceAll(narrow.text(text), "\n", "\n"+strings.Repeat(" ", column))
}

// span is a run of text with the attributes that it has.
type span struct {
	text       string
	bold, code bool
}

// text shows Markdown of the small kind: **bold**, `code`, fenced blocks, lists
// and escaped marks. Anything else stands as it was written.
func (s style) text(markdown string) string {
	var lines []string
	fenced := false
	for line := range strings.Lines(sanitizeLines(markdown)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			lines = append(lines, "    "+line)
			continue
		}
		lines = append(lines, s.wrap(s.spans(line), hanging(line)))
	}
	return strings.Join(lines, "\n")
}

var listItem = regexp.MustCompile(`^\s*(?:[-*•]|\d+[.)])\s+`)

// hanging is how far the lines of a list item after the first are set in.
func hanging(line string) int { return len(listItem.FindString(line)) }

// spans takes a line of Markdown apart.
func (s style) spans(line string) []span {
	var all []span
	var text strings.Builder
	bold := false
	flush := func() {
		if text.Len() > 0 {
			all = append(all, span{text: text.String(), bold: bold})
			text.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			text.WriteByte(line[i])
		case strings.HasPrefix(line[i:], "**") && (bold || strings.Contains(line[i+2:], "**")):
			flush()
			bold = !bold
			i++
		case line[i] == '`':
			code, _, closed := strings.Cut(line[i+1:], "`")
			if !closed {
				text.WriteByte(line[i])
				continue
			}
			flush()
			typed := s.typed(code)
			if typed != code && !s.ansi {
				typed = "`" + typed + "`" // where no colour sets it apart from the sentence
			}
			all = append(all, span{text: typed, bold: bold, code: true})
			i += len(code) + 1
		default:
			text.WriteByte(line[i])
		}
	}
	flush()
	return all
}

// typed turns a request as it is typed in a room into one for the shell.
func (s style) typed(code string) string {
	if s.table == nil || !strings.HasPrefix(code, "/") {
		return code
	}
	ask, err := s.table.ParseLine(code)
	if err != nil {
		return inShell(s.table, code)
	}
	return shellLine(s.table, ask)
}

// wrap breaks spans at spaces so that no line is wider than the terminal.
func (s style) wrap(all []span, indent int) string {
	type word struct {
		shown string
		width int
		space bool // one stands before it
	}
	var words []word
	glued := false
	for _, sp := range all {
		for i, part := range strings.Split(sp.text, " ") {
			if i == 0 && glued && part != "" {
				last := &words[len(words)-1]
				last.shown += s.shown(sp, part)
				last.width += displayWidth(part)
				continue
			}
			if i == 0 && glued {
				continue
			}
			words = append(words, word{s.shown(sp, part), displayWidth(part), i > 0})
		}
		glued = len(words) > 0
	}
	var b strings.Builder
	column := 0
	for _, w := range words {
		if w.space {
			if s.width > 0 && column+1+w.width > s.width && column > indent {
				b.WriteString("\n" + strings.Repeat(" ", indent))
				column = indent
			} else {
				b.WriteByte(' ')
				column++
			}
		}
		b.WriteString(w.shown)
		column += w.width
	}
	return strings.TrimRight(b.String(), " ")
}

func (s style) shown(sp span, text string) string {
	switch {
	case sp.bold:
		return s.bold(text)
	case sp.code:
		return s.attribute("36", text)
	}
	return text
}

// grid aligns cells by the columns they take. Where the terminal is too narrow,
// the widest column gives way.
func (s style) grid(t command.TableData) string {
	rows := append([][]string{t.Headings}, t.Rows...)
	widths := make([]int, len(t.Headings))
	cells := make([][]string, len(rows))
	for i, row := range rows {
		cells[i] = make([]string, len(widths))
		for j := range min(len(row), len(widths)) {
			cells[i][j] = sanitize(row[j])
			widths[j] = max(widths[j], displayWidth(cells[i][j]))
		}
	}
	const gap, least = 2, 8
	for s.width > 0 && len(widths) > 0 {
		total := gap * (len(widths) - 1)
		for _, w := range widths {
			total += w
		}
		widest := slices.Max(widths)
		if total <= s.width || widest <= least {
			break
		}
		widths[slices.Index(widths, widest)] = max(least, widest-(total-s.width))
	}
	var b strings.Builder
	for i, row := range cells {
		var line strings.Builder
		for j, c := range row {
			if j > 0 {
				line.WriteString("  ")
			}
			line.WriteString(pad(fit(c, widths[j]), widths[j]))
		}
		shown := strings.TrimRight(line.String(), " ")
		if i == 0 {
			shown = s.bold(shown)
		}
		b.WriteString(shown + "\n")
	}
	return b.String()
}

// actions shows the next acts as the commands to type. What a person has yet to
// say stands as "…".
func (s style) actions(actions []command.Action) string {
	if s.table == nil || len(actions) == 0 {
		return ""
	}
	var lines []string
	longest := 0
	for _, a := range actions {
		line := shellLine(s.table, s.open(a))
		lines = append(lines, line)
		longest = max(longest, displayWidth(line))
	}
	var b strings.Builder
	for i, line := range lines {
		head := "next: "
		if i > 0 {
			head = "      "
		}
		label := sanitize(actions[i].Label)
		shown := head + line
		if s.width == 0 || len(head)+longest+2+displayWidth(label) <= s.width {
			shown = head + pad(line, longest) + "  " + s.faint(label)
		}
		b.WriteString(strings.TrimRight(shown, " ") + "\n")
	}
	return b.String()
}

// open is what an act asks in the shell, where no form comes first. What its form
// would ask stands for itself: required answers are seen to be missing, the others
// have defaults. A person is none of these, for left out it means oneself.
func (s style) open(a command.Action) command.Ask {
	c, err := s.table.Lookup(a.Ask.Path)
	if err != nil || !a.Form || c.Form == nil {
		return a.Ask
	}
	ask := a.Ask
	for _, name := range c.Form.Fields {
		o, _ := c.Option(name)
		if _, said := ask.Options[name]; o.Type != command.Person || said {
			continue
		}
		if ask.Options = maps.Clone(ask.Options); ask.Options == nil {
			ask.Options = map[string]string{}
		}
		ask.Options[name] = "…"
	}
	return ask
}

// shellLine writes ask as it is typed in the shell. Positional options stand by
// their place as long as none before them is left out.
func shellLine(t *command.Table, ask command.Ask) string {
	parts := []string{"wardroom"}
	parts = append(parts, strings.Fields(sanitize(ask.Path))...)
	c, err := t.Lookup(ask.Path)
	if err != nil {
		return strings.Join(parts, " ")
	}
	for _, a := range ask.Args {
		parts = append(parts, shellQuote(a))
	}
	var flags []string
	inPlace := len(ask.Args) == 0
	for _, o := range c.Options {
		v, given := ask.Options[o.Name]
		if !given && o.Required && (!o.Positional || len(ask.Args) == 0) {
			v, given = "…", true
		}
		if !given {
			inPlace = inPlace && !o.Positional
			continue
		}
		if o.Positional && inPlace && !strings.HasPrefix(v, "-") {
			parts = append(parts, shellQuote(v))
			continue
		}
		if o.Type == command.Bool && v == "yes" {
			flags = append(flags, "--"+o.Name) // with a word of its own it would be an argument
			continue
		}
		if o.Type == command.Bool {
			flags = append(flags, "--"+o.Name+"="+shellQuote(v))
			continue
		}
		flags = append(flags, "--"+o.Name, shellQuote(v))
	}
	return strings.Join(append(parts, flags...), " ")
}

var bare = regexp.MustCompile(`^[\pL\pN_./:@%+=,#-]+$`)

// shellQuote quotes for a POSIX shell.
func shellQuote(s string) string {
	s = sanitizeLines(s)
	if bare.MatchString(s) && !strings.HasPrefix(s, "#") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
