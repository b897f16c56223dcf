package postmortem

import (
	"net/url"
	"strings"
)

// urlEscaper takes from an address what could end a link in any of the formats.
var urlEscaper = strings.NewReplacer(
	"(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", "`", "%60", `\`, "%5C", " ", "%20",
	"[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", "|", "%7C", "*", "%2A", "^", "%5E", "$", "%24",
)

// safeURL is an http or https address that ends where it should; "#" for
// anything else.
func safeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "#"
	}
	u.User = nil
	return urlEscaper.Replace(u.String())
}
