package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/command"
	"wardroom/bot/problem"
)

// Act is what follows when a button is pressed, a form sent or something chosen.
type Act string

const (
	Do   Act = "do"   // a button: run the Ask as it is
	Form Act = "form" // a button: open the command's form, filled with the Ask
	Pick Act = "pick" // a select of a form message: note what was chosen in the message
	Type Act = "type" // the button of a form message: what was chosen completes the Ask, then its modal is opened
	Send Act = "send" // a modal, or the button of a form message: its answers complete the Ask, then it is run
)

var acts = []Act{Do, Form, Pick, Type, Send}

// Route is what a custom id says: "do/incident/ack?incident=INC-7". It says
// everything, so that a button works after a restart, and for as long as its
// message stands.
type Route struct {
	Act   Act
	Ask   command.Ask // the path, the options and the arguments; never an id
	Field string      // with Pick: the option that is chosen
}

// keptPrefix stands before the key of a route that is kept elsewhere.
const keptPrefix = "kept/"

// maxRoute bounds what is parsed: what a request may hold, each byte escaped.
const maxRoute = 4 * command.MaxLine

var (
	wordShape = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	errRoute  = problem.New(problem.Invalid, "this button is none that I know").WithHint("it may be of an older version: type the command, or ask for the message again")
)

// String is the route as a path with a query; options in the order of their names.
// It has ASCII characters only.
func (r Route) String() string {
	var b strings.Builder
	b.WriteString(string(r.Act) + "/" + strings.ReplaceAll(r.Ask.Path, " ", "/"))
	if r.Field != "" {
		b.WriteString(":" + r.Field)
	}
	mark := byte('?')
	pair := func(name, value string) {
		b.WriteByte(mark)
		mark = '&'
		b.WriteString(name + "=")
		escapeTo(&b, value)
	}
	for i, arg := range r.Ask.Args {
		pair(strconv.Itoa(i), arg)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Ask.Options)) {
		pair(name, r.Ask.Options[name])
	}
	return b.String()
}

// check reports what String could not write so that ParseRoute reads it.
func (r Route) check() error {
	if back, err := ParseRoute(r.String()); err != nil || back.String() != r.String() {
		return fmt.Errorf("discord: no custom id can say %q", r.Ask.Path)
	}
	return nil
}

// ParseRoute reads what [Route.String] writes and nothing else: anything that is
// not exactly so written is an Invalid problem. A kept route is read by
// [Renderer.Route].
func ParseRoute(s string) (Route, error) {
	if len(s) > maxRoute {
		return Route{}, errRoute
	}
	path, query, asks := strings.Cut(s, "?")
	act, path, _ := strings.Cut(path, "/")
	path, field, picks := strings.Cut(path, ":")
	r := Route{Act: Act(act), Field: field}
	words := strings.Split(path, "/")
	if !slices.Contains(acts, r.Act) || picks != (r.Act == Pick) || picks && !wordShape.MatchString(field) || len(words) > 2 {
		return Route{}, errRoute
	}
	for _, w := range words {
		if !wordShape.MatchString(w) {
			return Route{}, errRoute
		}
	}
	r.Ask.Path = strings.Join(words, " ")
	if asks && !readQuery(&r.Ask, query) || r.String() != s {
		return Route{}, errRoute
	}
	return r, nil
}

func readQuery(ask *command.Ask, query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, escaped, ok := strings.Cut(pair, "=")
		value, valid := unescape(escaped)
		if !ok || !valid {
			return false
		}
		if name == strconv.Itoa(len(ask.Args)) {
			ask.Args = append(ask.Args, value)
			continue
		}
		if !wordShape.MatchString(name) {
			return false
		}
		if ask.Options == nil {
			ask.Options = map[string]string{}
		}
		ask.Options[name] = value
	}
	return true
}

// bare reports whether c stands for itself in a value: printable, and no mark of a
// path or query. A space is "+".
func bare(c byte) bool { return c > ' ' && c <= '~' && !strings.ContainsRune("%&+=?", rune(c)) }

const hex = "0123456789ABCDEF"

func escapeTo(b *strings.Builder, s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('+')
		case bare(c):
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b.WriteByte(' ')
		case c == '%' && i+2 < len(s):
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
		case bare(c):
			b.WriteByte(c)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// customID is the route as a custom id. What is longer than one may be is kept, and
// the id is its key; an error comes back when it cannot be kept, or not be written.
func (r *Renderer) customID(route Route) (string, error) {
	if err := route.check(); err != nil {
		return "", err
	}
	s := route.String()
	if len(s) <= maxCustomID {
		return s, nil
	}
	if r.Keeper == nil {
		return "", fmt.Errorf("discord: the route %.60q is too long for a custom id", s)
	}
	key := keyOf(s)
	if err := r.Keeper.Keep(key, s); err != nil {
		return "", fmt.Errorf("keep the route of a button: %w", err)
	}
	return keptPrefix + key, nil
}

// Route reads the custom id of a button, a select or a modal. It is outside text:
// what was not written by customID is an Invalid problem; NotFound, when it was
// kept and is kept no longer.
func (r *Renderer) Route(customID string) (Route, error) {
	key, kept := strings.CutPrefix(customID, keptPrefix)
	if !kept {
		if len(customID) > maxCustomID {
			return Route{}, errRoute
		}
		return ParseRoute(customID)
	}
	if r.Keeper == nil || !keyShape.MatchString(key) {
		return Route{}, errRoute
	}
	s, known, err := r.Keeper.Load(key)
	if err != nil {
		return Route{}, fmt.Errorf("load the route of a button: %w", err)
	}
	if !known {
		return Route{}, problem.New(problem.NotFound, "what this button does is not known any more").WithHint("type the command, or ask for the message again")
	}
	return ParseRoute(s)
}

var keyShape = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
