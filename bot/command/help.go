package command

import "strings"

// Usage is one line: "/incident declare title:… [severity:SEV1|SEV2]".
func (c *Command) Usage() string {
	var b strings.Builder
	b.WriteString("/" + c.Path)
	for _, o := range c.Options {
		v := "…"
		if o.Type == Choice && len(o.Choices) <= 6 {
			v = strings.Join(o.Choices, "|")
		}
		if o.Required {
			b.WriteString(" " + o.Name + ":" + v)
		} else {
			b.WriteString(" [" + o.Name + ":" + v + "]")
		}
	}
	return b.String()
}
