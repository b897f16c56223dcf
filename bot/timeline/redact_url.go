package timeline

import "strings"

// urlEnds cannot stand in the part of an address that holds credentials.
const urlEnds = " \t\r\n\"'`<>"

// urls finds credentials in scheme://user:password@host and in Go's form of a
// MySQL address, user:password@tcp(host). The user stays.
func (f *finder) urls() {
	each(f.text, "://", func(i int) {
		start := i + 3
		end := len(f.text)
		if j := strings.IndexAny(f.text[start:], urlEnds); j >= 0 {
			end = start + j
		}
		f.userinfo(start, end)
	})
	for _, network := range []string{"@tcp(", "@unix(", "@tcp6("} {
		each(f.text, network, func(at int) {
			start := strings.LastIndexAny(f.text[:at], urlEnds+",=/") + 1
			if colon := strings.IndexByte(f.text[start:at], ':'); colon >= 0 {
				f.add(start+colon+1, at, "password")
			}
		})
	}
}

// userinfo looks at what follows "://" up to the end of the word.
func (f *finder) userinfo(start, end int) {
	word := f.text[start:end]
	stop := len(word)
	if strings.HasPrefix(word, markerPrefix) || strings.HasPrefix(afterColon(word), markerPrefix) {
		return
	}
	if i := strings.IndexAny(word, "/?#"); i >= 0 {
		stop = i
	}
	at := strings.LastIndexByte(word[:stop], '@')
	if at < 0 {
		// A password with an unescaped slash: "user:pa/ss@host". After a colon in
		// the authority there may otherwise only be a port.
		colon := strings.IndexByte(word[:stop], ':')
		if colon < 0 || isDigits(word[colon+1:stop]) || strings.HasPrefix(word, "[") {
			return
		}
		if at = strings.LastIndexByte(word, '@'); at < 0 {
			return
		}
	}
	user, _, hasPassword := strings.Cut(word[:at], ":")
	switch {
	case hasPassword:
		f.add(start+len(user)+1, start+at, "password")
	case len(user) >= 32 && f.run(start, hexSet) >= start+32:
		f.add(start, start+at, "dsn") // Sentry: https://<key>@host/<project>
	}
}

func afterColon(word string) string {
	_, after, _ := strings.Cut(word, ":")
	return after
}

func isDigits(s string) bool {
	for i := range len(s) {
		if !digitSet[s[i]] {
			return false
		}
	}
	return true
}

// headers finds the credentials of HTTP headers and of "Bearer …" anywhere.
func (f *finder) headers() {
	each(f.lower, "authorization", func(i int) {
		start, ok := f.value(i + len("authorization"))
		if !ok {
			return
		}
		word := f.word(start)
		if next := f.spaces(word); next > word && schemeName(f.lower[start:word]) {
			end := f.word(next)
			if end > next {
				f.add(next, end, "authorization")
				return
			}
		}
		if looksRandom(f.text[start:word]) {
			f.add(start, word, "authorization")
		}
	})
	each(f.lower, "bearer ", func(i int) {
		start := f.spaces(i + len("bearer"))
		end := f.run(start, base64Std)
		if end-start >= 16 && looksRandom(f.text[start:end]) {
			f.add(start, end, "authorization")
		}
	})
	each(f.lower, "cookie", func(i int) {
		start, ok := f.value(i + len("cookie"))
		if !ok {
			return
		}
		end := start
		for end < len(f.text) && f.text[end] != '\n' && f.text[end] != '"' && f.text[end] != '\'' {
			end++
		}
		if name, _, ok := strings.Cut(f.text[start:end], "="); ok && !strings.ContainsAny(name, " ,") {
			f.add(start+len(name)+1, end, "cookie")
		}
	})
}

// schemeName reports whether s is an authentication scheme rather than a credential.
func schemeName(s string) bool {
	switch s {
	case "bearer", "basic", "token", "bot", "digest", "apikey", "splunk", "negotiate", "ntlm", "genie", "geniekey", "key", "oauth", "aws4-hmac-sha256":
		return true
	}
	return false
}

// commands finds passwords on command lines and in SQL.
func (f *finder) commands() {
	each(f.lower, "curl", func(i int) {
		line := f.line(i)
		for _, flag := range []string{" -u ", " --user ", " -u", " --user="} {
			if j := strings.Index(f.text[i:line], flag); j >= 0 {
				start := f.skipQuote(i + j + len(flag))
				end := f.word(start)
				if colon := strings.IndexByte(f.text[start:end], ':'); colon >= 0 && !strings.Contains(f.text[start:end], "://") {
					f.add(start+colon+1, end, "password")
					return
				}
			}
		}
	})
	for command, flag := range map[string]string{"redis-cli": " -a ", "sshpass": " -p "} {
		each(f.lower, command, func(i int) {
			if j := strings.Index(f.text[i:f.line(i)], flag); j >= 0 {
				start := f.skipQuote(i + j + len(flag))
				f.add(start, f.word(start), "password")
			}
		})
	}
	for _, sql := range []string{"identified by '", "password '"} {
		each(f.lower, sql, func(i int) {
			start := i + len(sql)
			if end := strings.IndexByte(f.text[start:], '\''); end > 0 {
				f.add(start, start+end, "password")
			}
		})
	}
}

// line returns the end of the line that i stands in.
func (f *finder) line(i int) int {
	if j := strings.IndexByte(f.text[i:], '\n'); j >= 0 {
		return i + j
	}
	return len(f.text)
}

// word returns the end of the word that begins at i.
func (f *finder) word(i int) int {
	if j := strings.IndexAny(f.text[i:], urlEnds+"\\,;"); j >= 0 {
		return i + j
	}
	return len(f.text)
}

func (f *finder) spaces(i int) int {
	for i < len(f.text) && (f.text[i] == ' ' || f.text[i] == '\t') {
		i++
	}
	return i
}

func (f *finder) skipQuote(i int) int {
	for i < len(f.text) && strings.IndexByte("\"'\\", f.text[i]) >= 0 {
		i++
	}
	return i
}
