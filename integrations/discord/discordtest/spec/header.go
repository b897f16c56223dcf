package spec

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// https://discord.com/developers/docs/reference#user-agent
	userAgent = regexp.MustCompile(`^DiscordBot \([^ ,()]+, ?[^ ,()]+\)`)
	encoded   = regexp.MustCompile(`^([!-$&-~]|%[0-9A-Fa-f]{2})*$`)
)

const auditReason = "X-Audit-Log-Reason"

// headers holds those of a request to the documentation.
func headers(op *operation, h http.Header) []violation {
	var all found
	if got := h.Get("User-Agent"); !userAgent.MatchString(got) {
		all.add("user-agent", "User-Agent", got, "it is DiscordBot ($url, $version)")
	}
	if got := h.Get("Authorization"); op.bot && !strings.HasPrefix(got, "Bot ") {
		all.add("authorization", "Authorization", "", "%s needs the bot's token: Bot and a space before it", op.ID)
	}
	if op.user {
		all.add("authorization", "", op.Path, "a bot may not call this: it wants what a person granted (OAuth2)")
	}
	reasons := h.Values(auditReason)
	if len(reasons) == 0 {
		return all
	}
	reason, err := url.PathUnescape(reasons[0])
	switch n := utf8.RuneCountInString(reason); {
	case len(reasons) > 1:
		all.add("audit-reason", auditReason, strings.Join(reasons, " | "), "it stands once")
	case err != nil || !encoded.MatchString(reasons[0]):
		all.add("audit-reason", auditReason, reasons[0], "it is not URL-encoded")
	case !utf8.ValidString(reason):
		all.add("audit-reason", auditReason, reasons[0], "it is not UTF-8")
	case n < 1 || n > 512:
		all.add("audit-reason", auditReason, reason, "it has 1 to 512 characters, not %d", n)
	}
	return all
}
