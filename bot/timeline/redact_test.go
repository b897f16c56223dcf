package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// Secrets are put together at run time, so that no scanner takes this file for a leak.
var (
	alnum36   = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
	hex32     = "0123456789abcdef0123456789abcdef"
	jwt       = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	discord   = "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + "ZnCjm1XVW7vRze4b7Cq4se7kKWs"
	sendgrid  = "SG." + "ngeVfQFYQlKU0ufo8x5d1A" + ".TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"
	telegram  = "110201543" + ":AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PALDsawx"
	pem       = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\nabc==\n-----END RSA " + "PRIVATE KEY-----"
	webhook   = "https://discord.com/api/webhooks/" + "847293847293847293/" + "AbC_dEf-GhIjKlMnOpQrStUvWxYz0123456789"
	slackHook = "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "XXXXXXXXXXXXXXXXXXXXXXXX"
)

var caught = []struct{ name, in, want string }{
	{"postgres URL", "connect postgres://joe:s3cret@db:5432/site?sslmode=off failed", "connect postgres://joe:[redacted:password]@db:5432/site?sslmode=off failed"},
	{"postgres URL with @ in the password", "postgresql://joe:p@ss@db/site", "postgresql://joe:[redacted:password]@db/site"},
	{"URL with slash in the password", "postgres://joe:pa/ss@db/site", "postgres://joe:[redacted:password]@db/site"},
	{"redis URL without user", "redis://:hunter2@redis:6379/0", "redis://:[redacted:password]@redis:6379/0"},
	{"amqp in quotes", `dial "amqp://guest:guest@mq/": refused`, `dial "amqp://guest:[redacted:password]@mq/": refused`},
	{"mongodb+srv", "mongodb+srv://u:p@cluster0.mongodb.net", "mongodb+srv://u:[redacted:password]@cluster0.mongodb.net"},
	{"https basic", "GET https://joe:hunter2@example.org/x", "GET https://joe:[redacted:password]@example.org/x"},
	{"go mysql", "root:hunter2@tcp(db:3306)/x", "root:[redacted:password]@tcp(db:3306)/x"},
	{"libpq DSN", "host=db user=joe password=hunter2 dbname=x", "host=db user=joe password=[redacted:password] dbname=x"},
	{"libpq DSN quoted", "host=db password='hun ter2' dbname=x", "host=db password='[redacted:password]' dbname=x"},
	{"ODBC", "Server=db;Uid=joe;Pwd=hunter2;Database=x", "Server=db;Uid=joe;Pwd=[redacted:password];Database=x"},
	{"JDBC", "jdbc:postgresql://db/x?user=joe&password=hunter2&ssl=true", "jdbc:postgresql://db/x?user=joe&password=[redacted:password]&ssl=true"},
	{"sentry DSN", "https://" + hex32 + "@o1.ingest.sentry.io/42", "https://[redacted:dsn]@o1.ingest.sentry.io/42"},
	{"old sentry DSN", "https://" + hex32 + ":" + hex32 + "@sentry.io/42", "https://" + hex32 + ":[redacted:password]@sentry.io/42"},
	{"bearer header", "Authorization: Bearer abc.def", "Authorization: Bearer [redacted:authorization]"},
	{"basic header", "authorization: basic am9lOmh1bnRlcjI=", "authorization: basic [redacted:authorization]"},
	{"bot header", "Authorization: Bot sometokenvalue", "Authorization: Bot [redacted:authorization]"},
	{"header in curl", `curl -H "Authorization: Bearer abcdef" https://x`, `curl -H "Authorization: Bearer [redacted:authorization]" https://x`},
	{"lone bearer", "sent Bearer abcdefghij0123456789 to it", "sent Bearer [redacted:authorization] to it"},
	{"cookie", "Cookie: session=abc; theme=dark", "Cookie: session=[redacted:cookie]"},
	{"curl user", "curl -u joe:hunter2 https://x", "curl -u joe:[redacted:password] https://x"},
	{"redis-cli", "redis-cli -a hunter2 ping", "redis-cli -a [redacted:password] ping"},
	{"SQL", "ALTER ROLE joe PASSWORD 'hunter2';", "ALTER ROLE joe PASSWORD '[redacted:password]';"},
	{"MySQL", "CREATE USER joe IDENTIFIED BY 'hunter2'", "CREATE USER joe IDENTIFIED BY '[redacted:password]'"},
	{"GitHub", "push with ghp_" + alnum36 + " failed", "push with [redacted:github-token] failed"},
	{"GitHub oauth", "gho_" + alnum36, "[redacted:github-token]"},
	{"GitHub fine-grained", "github_pat_11ABCDEFG0abcdefghijkl_" + alnum36, "[redacted:github-token]"},
	{"GitLab", "glpat-abcdEFGH1234ijklMNOP", "[redacted:gitlab-token]"},
	{"Slack", "xoxb-123456789012-abcdefGHIJKL", "[redacted:slack-token]"},
	{"Discord token", "login " + discord + " ok", "login [redacted:discord-token] ok"},
	{"Discord webhook", webhook + " 404", "https://discord.com/api/webhooks/847293847293847293/[redacted:webhook] 404"},
	{"Slack webhook", slackHook, "https://hooks.slack.com/services/[redacted:webhook]"},
	{"AWS id", "AKIA" + "IOSFODNN7EXAMPLE", "[redacted:aws-key]"},
	{"AWS secret", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [redacted:api-key]"},
	{"Google", "AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "[redacted:google-key]"},
	{"Stripe", "sk_live_" + alnum36, "[redacted:stripe-key]"},
	{"Linode PAT", "LINODE_TOKEN=" + hex32 + hex32, "LINODE_TOKEN=[redacted:token]"},
	{"uuid token", "token: 123e4567-e89b-12d3-a456-426614174000", "token: [redacted:token]"},
	{"JWT", "got " + jwt + ".", "got [redacted:jwt]."},
	{"Telegram", "https://api.telegram.org/bot" + telegram + "/send", "https://api.telegram.org/bot[redacted:telegram-token]/send"},
	{"npm", "npm_" + alnum36, "[redacted:npm-token]"},
	{"PyPI", "pypi-AgEIcHlwaS5vcmc" + alnum36 + alnum36, "[redacted:pypi-token]"},
	{"SendGrid", sendgrid, "[redacted:sendgrid-key]"},
	{"Vault", "hvs." + alnum36, "[redacted:vault-token]"},
	{"PEM", "key:\n" + pem + "\nend", "key:\n[redacted:private-key]\nend"},
	{"PEM cut off", "x -----BEGIN OPENSSH " + "PRIVATE KEY-----\nabc", "x [redacted:private-key]"},
	{"password colon", "password: hunter2", "password: [redacted:password]"},
	{"password upper", "PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted:password] psql"},
	{"password word only", "POSTGRES_PASSWORD=swordfish", "POSTGRES_PASSWORD=[redacted:password]"},
	{"password with comma", "password=hunt,er2 x", "password=[redacted:password] x"},
	{"password in a list", "user=joe,password=hunter2,db=x", "user=joe,password=[redacted:password],db=x"},
	{"password in bold", "**Password:** hunter2", "**Password:** [redacted:password]"},
	{"password flag", "mysqldump --password hunter2 x", "mysqldump --password [redacted:password] x"},
	{"dollar password", "password=$ecret99", "password=[redacted:password]"},
	{"YAML", "data:\n  password: hunter2\n  user: joe", "data:\n  password: [redacted:password]\n  user: joe"},
	{"YAML block", "password: |\n  hunter2\n  more\nuser: joe", "password: |\n  [redacted:password]\nuser: joe"},
	{"JSON in text", `{"user":"joe","password":"hunter2"}`, `{"user":"joe","password":"[redacted:password]"}`},
	{"JSON in JSON in text", `"{\"password\":\"hun ter2\"}"`, `"{\"password\":\"[redacted:password]\"}"`},
	{"python repr", "{'api_key': 'abcdef123456'}", "{'api_key': '[redacted:api-key]'}"},
	{"camel case", "clientSecret=abcDEF123456", "clientSecret=[redacted:secret]"},
	{"x-api-key", "X-Api-Key: abcdef123456", "X-Api-Key: [redacted:api-key]"},
	{"access token in a query", "/cb?access_token=abc123DEF456&x=1", "/cb?access_token=[redacted:token]&x=1"},
	{"Azure", "AccountName=x;AccountKey=" + alnum36 + "==;Suffix=y", "AccountName=x;AccountKey=[redacted:api-key];Suffix=y"},
	{"ticket", "ticket=ST-1856339-aA5Yuvrxzpv8Tau1cYQ7", "ticket=[redacted:ticket]"},
	{"two at once", "password=a1 token=abc123DEF456", "password=[redacted:password] token=[redacted:token]"},
	{"signed URL", "https://x.blob/y?sp=r&sig=abcdefghijklmnopqrst%3D", "https://x.blob/y?sp=r&sig=[redacted:signature]"},
}

var leftAlone = []string{
	"", "ordinary text", "password reset failed", "password: authentication failed for user joe", "FATAL: password authentication failed for user \"joe\"",
	"token expired", "token: expired", "Bearer token expired", "secret: not found", "secret \"redis-auth\" not found", "MountVolume.SetUp failed: secret: wildcard-tls not found",
	"kube_secret_info{secret=\"wildcard-tls\",namespace=\"default\"}", "references non-existent secret key: tls.key", "tokens=500 max_tokens=4096",
	"password_file: /run/secrets/db", "password: /run/secrets/db", "password=${DB_PASSWORD}", "password=$DB_PASSWORD", "password: {{ .Values.password }}", "password: <redacted>", "password: ********",
	"MountVolume.MountDevice failed for volume \"pvc-bb1d06139b334c1f\" : rpc error: code = Internal desc = Unable to find device path",
	"lke13311-16405-5fafd1b46dcf", "default/redis-599887d778-wggbl", "123e4567-e89b-12d3-a456-426614174000", "fingerprint 8f4a2c1be7d90356",
	"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "commit 2d05acf8e6cf7f81d0c4a9f6e7b8a9c0d1e2f3a4",
	"https://status.pythondiscord.com/incident/92712", "https://github.com/@joe", "mail joe@example.org", "ssh joe@10.0.0.1", "git@github.com:org/repo.git",
	"http://prometheus:9090/graph?g0.expr=up", "redis://redis:6379/0", "https://medium.com:443/@joe", "image registry.example.org/app:v1.2@sha256:9f86d081884c7d65",
	"Postgres hit max clients", "34 dangerous table locks (it peaked at 61)", "@Joe Banks", "the key: value store", "sort key: name", "group_key: {}/{severity=\"page\"}",
	"ticket: 12345678", "ticket: OPS-1234", "Support ticket opened at Linode", "token bucket: 64", "Authorization: required", "authorization failed: 403", "Basic checks passed",
	"Cookie: consent banner broken", "api key: missing", "curl https://example.org -o x", "the secret: patience", "sk_live_", "ghp_short", "eyJ.x.y", "AKIA", "SG.x",
	"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "NOT TODO MTA NTP ready", "00:27:AA:BB", "password", "password=", "password:\nuser: joe",
	"Signal: sig=9", "[redacted:password]", "password: [redacted:password]", "postgres://joe:[redacted:password]@db/x",
}

func TestRedactText(t *testing.T) {
	for _, c := range caught {
		t.Run(c.name, func(t *testing.T) {
			got, changed := Redact(c.in)
			if got != c.want || !changed {
				t.Errorf("Redact(%q)\n got %q, %v\nwant %q", c.in, got, changed, c.want)
			}
			if again, changed := Redact(got); again != got || changed {
				t.Errorf("a second time: %q, %v", again, changed)
			}
		})
	}
	for _, s := range leftAlone {
		if got, changed := Redact(s); got != s || changed {
			t.Errorf("Redact(%q) = %q, %v; want it left alone", s, got, changed)
		}
	}
}

// The same secrets inside a payload, at every alignment of the scan.
func TestRedactJSONCatchesAtEveryOffset(t *testing.T) {
	for _, c := range caught {
		for pad := range 8 {
			body := mustJSON(t, map[string]any{"body": strings.Repeat("x", pad) + " " + c.in})
			want := mustJSON(t, map[string]any{"body": strings.Repeat("x", pad) + " " + c.want})
			if got := RedactJSON(body); !bytes.Equal(got, want) {
				t.Fatalf("%s at %d:\n got %s\nwant %s", c.name, pad, got, want)
			}
		}
	}
	for _, s := range leftAlone {
		body := mustJSON(t, map[string]string{"body": s})
		if got := RedactJSON(body); !bytes.Equal(got, body) {
			t.Errorf("RedactJSON(%s) = %s; want it left alone", body, got)
		}
	}
}

func TestRedactJSONKnowsKeys(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"password":"two words","n":1}`, `{"password":"[redacted:password]","n":1}`},
		{`{"a":[{"DB_PASSWORD":"pw1"},{"ok":"x"}]}`, `{"a":[{"DB_PASSWORD":"[redacted:password]"},{"ok":"x"}]}`},
		{`{"password":["x1","y2"]}`, `{"password":["[redacted:password]","[redacted:password]"]}`},
		{`{"env":[{"name":"REDIS_PASSWORD","value":"pw1"}]}`, `{"env":[{"name":"REDIS_PASSWORD","value":"[redacted:password]"}]}`},
		{`{"labels":{"secret":"wildcard-tls"}}`, `{"labels":{"secret":"wildcard-tls"}}`},
		{`{"password":null,"token":12,"secret":true}`, `{"password":null,"token":12,"secret":true}`},
		{`{"password=hunter2":"key stays"}`, `{"password=hunter2":"key stays"}`},
		{`"pass\u0077ord=hunter2"`, `"password=[redacted:password]"`},
		{`{"a":"\ud800","b":"password=x1"}`, `{"a":"\ud800","b":"password=[redacted:password]"}`},
		{`{"a":"line\npassword: \"x1\"\n<b>"}`, `{"a":"line\npassword: \"[redacted:password]\"\n<b>"}`},
		{`{"url":"https:\/\/joe:pw@x"}`, `{"url":"https://joe:[redacted:password]@x"}`},
		{`no JSON password=x1`, `no JSON password=[redacted:password]`},
	} {
		if got := string(RedactJSON([]byte(c.in))); got != c.want {
			t.Errorf("RedactJSON(%s)\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestRedactJSONReturnsItsInputWhenClean(t *testing.T) {
	body := cleanPayload()
	if got := RedactJSON(body); &got[0] != &body[0] {
		t.Error("a clean payload was copied")
	}
	if n := testing.AllocsPerRun(10, func() { RedactJSON(body) }); n != 0 {
		t.Errorf("%v allocations on a clean payload", n)
	}
	if suspicious(body) {
		t.Error("the benchmark's payload takes the slow path")
	}
}

// shape is a document with every string value emptied.
func shape(v any) any {
	switch v := v.(type) {
	case string:
		return ""
	case []any:
		for i := range v {
			v[i] = shape(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = shape(v[k])
		}
	}
	return v
}

func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one document")
	}
	return v, nil
}

func FuzzRedactJSON(f *testing.F) {
	for _, c := range caught {
		b, _ := json.Marshal(map[string]string{"body": c.in})
		f.Add(b)
		f.Add([]byte(c.in))
	}
	f.Add([]byte(`{"name":"password","value":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		before, err := decode(bytes.Clone(body))
		got := RedactJSON(bytes.Clone(body))
		if again := RedactJSON(bytes.Clone(got)); !bytes.Equal(again, got) {
			t.Fatalf("not the same a second time:\n in %q\n got %q\n again %q", body, got, again)
		}
		if err != nil || !json.Valid(body) {
			return
		}
		after, err := decode(got)
		if err != nil {
			t.Fatalf("invalid JSON %q from %q: %v", got, body, err)
		}
		if !reflect.DeepEqual(shape(before), shape(after)) {
			t.Fatalf("the structure changed: %q from %q", got, body)
		}
	})
}

func FuzzRedact(f *testing.F) {
	for _, c := range caught {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, changed := Redact(text)
		if changed != (got != text) {
			t.Fatalf("changed=%v for %q → %q", changed, text, got)
		}
		if again, _ := Redact(got); again != got {
			t.Fatalf("not the same a second time:\n in %q\n got %q\n again %q", text, got, again)
		}
	})
}

// cleanPayload is a Received of about 700 bytes, as Alertmanager sends them.
func cleanPayload() []byte {
	return []byte(`{"alert":{"source":"alertmanager","fingerprint":"8f4a2c1be7d90356","status":"firing","labels":{"alertname":"postgres/connection-limit","instance":"10.2.1.17:9187","job":"kubernetes-pods","kubernetes_namespace":"default","kubernetes_node":"lke13311-16405-5fafd1b46dcf","kubernetes_pod_name":"postgres-599887d778-wggbl","severity":"page"},"annotations":{"description":"PostgreSQL has 115 of 115 connections in use for more than one minute; new clients are refused.","summary":"PostgreSQL connection limit reached","runbook_url":"https://wiki.example.org/runbooks/postgres#connections"},"starts_at":"2021-07-11T00:31:12.345Z","generator_url":"http://prometheus-0:9090/graph?g0.expr=pg_stat_activity_count"}}`)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func BenchmarkRedactJSON(b *testing.B) {
	clean := cleanPayload()
	dirty := bytes.Replace(clean, []byte("new clients"), []byte("postgres://joe:hunter2@db/x"), 1)
	near := bytes.Replace(clean, []byte("new clients"), []byte("password reset and tokens"), 1)
	for name, body := range map[string][]byte{"clean": clean, "secret": dirty, "nearly": near} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				RedactJSON(body)
			}
		})
	}
}
