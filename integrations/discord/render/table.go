package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"wardroom/bot/command"
)

// maxCell is what one cell may say before it is cut; the file has the whole.
const maxCell = 300

// table shows rows: as a code block with aligned columns where that fits on a
// phone, else a line for each row. whole is false when something was left out.
func table(t command.TableData) (markdown string, whole bool) {
	const spared = 100 // for the fence, or for what says how many are left out
	cells, whole := cellsOf(t)
	lines := aligned(cells)
	code := slices.Max(widths(lines)) <= phoneColumns
	if !code {
		lines = cards(cells)
	}
	shown, units := 0, 0
	for _, line := range lines {
		if units += Units(line) + 1; units > maxEmbedDescription-spared {
			whole = false
			break
		}
		shown++
	}
	markdown = strings.Join(lines[:shown], "\n")
	if code {
		markdown = "```\n" + strings.ReplaceAll(markdown, "```", "ˋˋˋ") + "\n```"
	}
	if left := len(lines) - shown; left > 0 {
		markdown += fmt.Sprintf("\n**and %d more**: see the file", left)
	}
	return markdown, whole
}

// tableFile is the whole table, aligned.
func tableFile(t command.TableData) []byte {
	rows := append([][]string{t.Headings}, t.Rows...)
	cells := make([][]string, len(rows))
	for i, row := range rows {
		for _, c := range row {
			cells[i] = append(cells[i], oneLine(c))
		}
	}
	return []byte(strings.Join(aligned(cells), "\n") + "\n")
}

// cellsOf are the heading and the rows, each with as many cells as there are
// headings; whole is false when a cell was cut.
func cellsOf(t command.TableData) (cells [][]string, whole bool) {
	whole = true
	for _, row := range append([][]string{t.Headings}, t.Rows...) {
		line := make([]string, max(len(t.Headings), 1))
		for j := range min(len(row), len(line)) {
			text := oneLine(row[j])
			line[j] = cut(text, maxCell)
			whole = whole && line[j] == text
		}
		whole = whole && len(row) <= len(line)
		cells = append(cells, line)
	}
	return cells, whole
}

func aligned(cells [][]string) []string {
	var wide []int
	for _, row := range cells {
		for j, c := range row {
			if j == len(wide) {
				wide = append(wide, 0)
			}
			wide[j] = max(wide[j], columns(c))
		}
	}
	lines := make([]string, len(cells))
	for i, row := range cells {
		var b strings.Builder
		for j, c := range row {
			b.WriteString(c + strings.Repeat(" ", wide[j]-columns(c)+2))
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// cards is a line for each row: the first cell bold, the others behind it; a phone
// breaks it where it likes.
func cards(cells [][]string) []string {
	lines := make([]string, len(cells))
	for i, row := range cells {
		var parts []string
		for j, c := range row {
			if c = command.Escape(c); c == "" {
				continue
			}
			if j == 0 && i > 0 {
				c = "**" + c + "**"
			}
			parts = append(parts, c)
		}
		lines[i] = strings.Join(parts, " · ")
		if i == 0 && lines[i] != "" {
			lines[i] = "*" + lines[i] + "*"
		}
	}
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}

func widths(lines []string) []int {
	all := []int{0}
	for _, l := range lines {
		all = append(all, columns(l))
	}
	return all
}

// columns is how wide a text is drawn where letters are of one width: marks take
// none, and what is written in squares takes two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.M, r) || r == '\u200d':
		case r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0x1f300 && r <= 0x1faff || r >= 0xff01 && r <= 0xff60):
			n += 2
		default:
			n++
		}
	}
	return n
}
