package config

import (
	"maps"
	"slices"
	"time"

	"wardroom/bot/alert"
	"wardroom/bot/incident"
)

// File is exactly what was written. Its tags are the reference: `yaml` names the
// key, `help` explains it, `example` is shown where there is no default,
// `form` says how a value is written when that is not plain text, `alt` which
// other key it takes the place of.
type File struct {
	Timezone    Text            `yaml:"timezone" form:"zone" help:"The team's time zone: typed times are read in it. Times are always shown in UTC as well."`
	Mode        Text            `yaml:"mode" form:"observe or act" help:"Whether Wardroom may change anything outside. In observe mode it holds no write credential: it records, tells and proposes."`
	Listen      Text            `yaml:"listen" form:"address" help:"Where webhooks, the status page, health and metrics are served. Keep it on the loopback address unless a proxy or public stands before it."`
	Public      FilePublic      `yaml:"public" help:"Serve the outside with a certificate of its own, by ACME, so that an Alertmanager inside a cluster can reach it. Needs the host's ports 80 and 443."`
	Data        Text            `yaml:"data" form:"folder" example:"/var/lib/wardroom" help:"Where wardroom.db and its socket live. Left out: the current folder. A relative path counts from this file."`
	Database    FileDatabase    `yaml:"database" help:"Where the record is kept. Left out: in wardroom.db, in the data folder, which is recommended: it does not depend on a database that may be on fire."`
	Log         FileLog         `yaml:"log" help:"The process log, on standard error. What happened in an incident is in its timeline, not here."`
	People      Map[FilePerson] `yaml:"people" example:"joe" help:"The people who may ask for something, by the short name that timelines show."`
	Intake      FileIntake      `yaml:"intake" help:"Who may send alerts."`
	Routes      []FileRoute     `yaml:"routes" help:"What an alert leads to. The first route that matches decides; an alert that none matches is told and opens nothing."`
	Correlation FileCorrelation `yaml:"correlation" help:"Which alerts are one incident."`
	Targets     []FileTarget    `yaml:"targets" help:"Which node, workload, volume or pod an alert is about; it counts only when the cluster has it. Views and plans are suggested for it. Texts of alerts are never read. The first rule that matches decides; after these come Wardroom's own, which know kube-prometheus and labels such as node, pod and persistentvolumeclaim (docs/guide/repairs.md)."`
	StatusPage  FileStatusPage  `yaml:"status_page" help:"What the public sees."`
	Discord     Section         `yaml:"discord" example:"{token_file: /run/secrets/discord, guild: \"267624335836053506\"}" help:"The team's Discord: a room for each incident, slash commands, buttons. docs/discord.md leads there in ten minutes and explains every key: token, guild, public_key, category, archive, overview, private. Left out: there is no Discord."`
	Kubernetes  Section         `yaml:"kubernetes" example:"{kubeconfig: /run/secrets/observe.kubeconfig, act: {kubeconfig: /run/secrets/act.kubeconfig}, used_by: {default/redis: [default/bot]}}" help:"The cluster that repairs act on. kubeconfig (or in_cluster) only reads; act is the credential for changes, used in mode act alone; used_by says who depends on a workload, backups names the CronJobs that make them. Left out: there is no cluster."`
	Linode      Section         `yaml:"linode" example:"{cluster: 13311, read_token_file: /run/secrets/linode-read, act_token_file: /run/secrets/linode-act}" help:"Whoever owns the cluster's machines and volumes. cluster is the id of the LKE cluster; read_token only reads; act_token is for changes, ticket_token for support tickets; both are used in mode act alone. Left out: there is no cloud."`
	Talos       Section         `yaml:"talos" example:"{config: /run/secrets/talosconfig}" help:"Machines that run Talos Linux, which are restarted by the team's own talosctl. config is a talosconfig of the role os:operator; context is one of it; binary is talosctl itself, by name or path. docs/talos.md explains every key. Left out: no machine that runs Talos is restarted."`
	Redis       Section         `yaml:"redis" example:"[{workload: default/redis, address: '{pod}.redis-headless.default.svc:6379', password_file: /run/secrets/redis, sentinels: ['{pod}.redis-headless.default.svc:26379'], master: mymaster}]" help:"The Redis sets that /redis shows, collapses and expands: a list. workload is the StatefulSet; address says where the instance of a pod answers, addresses names single pods where each has an address of its own; master is the name by which the sentinels know the set; username, password, sentinel_username, sentinel_password, tls and timeout are explained in docs/guide/repairs.md. Nothing is connected before somebody asks. Left out: no Redis is known."`
	Repairs     FileRepairs     `yaml:"repairs" help:"Who may repair, and when it must not be."`
	OnCall      FileOnCall      `yaml:"oncall" help:"Who is woken for a SEV1 or SEV2 that nobody has acknowledged. Left out: nobody is."`
	Metrics     FileMetrics     `yaml:"metrics" help:"What Prometheus scrapes, at GET /metrics."`
}

// FilePublic is the section public.
type FilePublic struct {
	Pos
	Host       Text   `yaml:"host" form:"host name" example:"wardroom.example.org" help:"The name in the certificate. It must lead to this machine."`
	Email      Text   `yaml:"email" example:"ops@example.org" help:"Where the issuer of the certificate warns of an expiry."`
	HTTPS      Text   `yaml:"https" form:"address" help:"Where https is served. Others come to the host's port 443: another one here needs something that forwards to it."`
	HTTP       Text   `yaml:"http" form:"address" help:"Where http is led to https and the issuer is answered. Both come to the host's port 80."`
	Issuer     Text   `yaml:"issuer" form:"URL" help:"The ACME directory of the certificate's issuer: Let's Encrypt, or an authority of your own, as https://ca.example.org/acme/acme/directory for step-ca. It must reach host; the certificates of each issuer are kept apart."`
	IssuerRoot Text   `yaml:"issuer_root" form:"file" example:"/etc/ssl/internal-root.pem" help:"The root certificates, as PEM, by which an issuer of your own is trusted, and no others. Left out: those that the system trusts. A relative path counts from this file. It is read at the start."`
	Account    Text   `yaml:"account" form:"key id" example:"kid-7f3a" help:"For an issuer that takes only its customers' requests, as ZeroSSL, Google and many companies' do (external account binding): the key id that it gave you. account_key goes with it."`
	AccountKey Secret `yaml:"account_key" example:"/run/secrets/acme-account-key" help:"The HMAC key that the issuer gave you with it, base64url."`
}

// FileDatabase is the section database.
type FileDatabase struct {
	Pos
	Postgres Secret `yaml:"postgres" example:"/run/secrets/wardroom-postgres" help:"The URL of a PostgreSQL, postgres://wardroom@db.example.org/wardroom?sslmode=verify-full, that replicas of Wardroom share: one owns it, the others stand by and take over within ten seconds. It should not be the server that incidents are about."`
}

// FileLog is the section log.
type FileLog struct {
	Level  Text `yaml:"level" form:"debug, info, warn or error" help:"The least level that is logged."`
	Format Text `yaml:"format" form:"text or json" help:"How a line is written."`
}

// FilePerson is one of people.
type FilePerson struct {
	Pos
	FullName Text   `yaml:"full_name" example:"Joe Example" help:"The author's name in post-mortems."`
	Roles    []Text `yaml:"roles" form:"list of viewer, responder, lead" example:"[responder, lead]" help:"What the person may do: a viewer reads, a responder runs incidents, a lead also merges, erases, freezes and approves. Left out: viewer."`
	UID      []Text `yaml:"uid" form:"number or list" example:"1000" help:"The Unix users whose shell is this person's, by number (id -u)."`
	Discord  []Text `yaml:"discord" form:"text or list" example:"\"165023948638126080\"" help:"The person's Discord user ids: a right click on the name, Copy User ID."`
	Ntfy     Secret `yaml:"ntfy" example:"/run/secrets/ntfy-joe" help:"The ntfy topic that pages this person. Whoever knows it can read the pages and acknowledge by them: make it long and random."`
}

// FileIntake is the section intake.
type FileIntake struct {
	Alertmanager FileAlertmanager `yaml:"alertmanager" help:"Prometheus Alertmanager, at POST /webhooks/alertmanager."`
	Generic      []FileGeneric    `yaml:"generic" help:"Other senders of JSON, each at POST /webhooks/NAME. One is there without being configured: POST /webhooks/generic takes the documented form, with the token in wardroom.token."`
}

// FileAlertmanager is the section intake.alertmanager.
type FileAlertmanager struct {
	Pos
	Token Secret          `yaml:"token" example:"/run/secrets/alertmanager" help:"The bearer token that the webhook must present. Left out, and no basic either: the token that is made at the first start and kept in wardroom.token."`
	Basic FileBasic       `yaml:"basic" alt:"token" help:"A user name and a password that the webhook may present instead."`
	URLs  []Text          `yaml:"urls" form:"list of URLs" example:"[http://alertmanager:9093]" help:"Where active alerts are read back, at start and every five minutes, so that missed alerts and lost resolutions are found. Replicas of one Alertmanager."`
	Auth  FileCredentials `yaml:"auth" help:"What Wardroom presents at urls."`
	Rules []Text          `yaml:"rules" form:"list of files" example:"[rules/*.yml]" help:"Prometheus rules files. From their for: Wardroom knows how long a condition had lasted before its alert fired. A relative path counts from this file."`
}

// FileBasic is a user name and a password.
type FileBasic struct {
	Pos
	Username Text   `yaml:"username" example:"alertmanager" help:"The user name."`
	Password Secret `yaml:"password" example:"/run/secrets/alertmanager-password" help:"The password."`
}

// FileCredentials are what Wardroom presents elsewhere.
type FileCredentials struct {
	Pos
	Token    Secret `yaml:"token" example:"/run/secrets/alertmanager-read" help:"A bearer token."`
	Username Text   `yaml:"username" alt:"token" example:"wardroom" help:"A user name, for basic authentication."`
	Password Secret `yaml:"password" alt:"token" example:"/run/secrets/alertmanager-read-password" help:"The password that goes with it."`
}

// FileGeneric is one of intake.generic.
type FileGeneric struct {
	Pos
	Name  Text      `yaml:"name" example:"statping" help:"Names the sender: lower-case letters, digits and hyphens. It is the source of its alerts and the end of its path. The name generic replaces the one that is always there."`
	Token Secret    `yaml:"token" example:"/run/secrets/statping" help:"The bearer token that it must present. Left out, and no basic either: the token in wardroom.token."`
	Basic FileBasic `yaml:"basic" alt:"token" help:"A user name and a password that it may present instead."`
	Map   Section   `yaml:"map" example:"{status: '{state}', title: '{check.name} is down', severity: page}" help:"Where the sender's JSON holds what an alert needs, as docs/guide/generic-webhooks.md explains. Left out: the documented form is expected."`
}

// FileRoute is one of routes.
type FileRoute struct {
	Pos
	Match  Text `yaml:"match" form:"matchers" example:"severity=\"page\"" help:"Alertmanager's matcher syntax: label=\"value\", !=, =~, !~, several separated by commas. Left out: every alert."`
	Source Text `yaml:"source" alt:"match" example:"statping" help:"Only alerts of this sender: alertmanager, generic, or a name from intake.generic."`
	Open   Text `yaml:"open" form:"SEV1 to SEV4" example:"SEV2" help:"Open an incident of this severity, or join one."`
	Notify Text `yaml:"notify" alt:"open" form:"true" example:"true" help:"Tell it, and open nothing; it joins an incident that is open for the same thing."`
	Ignore Text `yaml:"ignore" alt:"open" form:"true" example:"true" help:"Record it, and tell nobody."`
}

// FileCorrelation is the section correlation; the rules are explained at
// incident.Rules.
type FileCorrelation struct {
	Window       Text        `yaml:"window" form:"duration" help:"What fires within this time of an open incident's last alert joins it, whatever its labels. 0s: never by time alone."`
	ReopenWithin Text        `yaml:"reopen_within" form:"duration" help:"An alert reopens the incident that it belongs to when that was resolved less than this long ago. 0s: never."`
	Consequence  Text        `yaml:"consequence" form:"duration" help:"While exactly one incident is open, and not for longer than this, what would open another joins it as a likely consequence. 0s: never."`
	SelfRecovery Text        `yaml:"self_recovery" form:"duration" help:"An incident that nobody acknowledged and in which nothing was done is resolved by itself when it has been quiet for this long. No post-mortem is asked for."`
	Strong       []Text      `yaml:"strong" form:"list of labels" help:"Labels that name one thing. An alert that shares the value of one joins for as long as the incident is open."`
	Weak         []Text      `yaml:"weak" form:"list of labels" help:"Labels that name a neighbourhood. Sharing one joins only inside the window."`
	Apart        []Text      `yaml:"apart" form:"list of labels" help:"Labels whose difference keeps alerts apart."`
	Exporters    Map[[]Text] `yaml:"exporters" form:"label: list of patterns" help:"Values that say who measured and not what is broken, as patterns with * and ?, by label. They bind nothing together."`
}

// FileStatusPage is the section status_page.
type FileStatusPage struct {
	Title      Text            `yaml:"title" help:"The heading of the page."`
	URL        Text            `yaml:"url" form:"URL" example:"https://status.example.org" help:"Where the public reads it. It goes into feeds and messages."`
	Listen     Text            `yaml:"listen" form:"address" example:"127.0.0.1:8081" help:"A listener of its own, so that a crowd cannot starve the rest. Left out: /status/ of the main one."`
	Components []FileComponent `yaml:"components" help:"The parts of your service, as the public knows them, in the order of the page."`
	Statuspage Section         `yaml:"statuspage" example:"{page_id: kctbh9vrtdwd, api_key_file: /run/secrets/statuspage, components: {Website: ftgks51sfs2d}}" help:"Atlassian Statuspage, kept in step with the built-in page: its page_id, an api_key, and under components its id of each of yours. url is another address of its API, for tests."`
}

// FileMetrics is the section metrics.
type FileMetrics struct {
	Token Secret `yaml:"token" example:"/run/secrets/metrics" help:"The bearer token that a scraper must present. Left out: whoever reaches listen may read them, and the public listener does not serve them."`
}

// FileComponent is one of status_page.components.
type FileComponent struct {
	Pos
	Name        Text `yaml:"name" example:"Website" help:"What the public calls it."`
	Description Text `yaml:"description" example:"www.example.org" help:"One line more."`
	Group       Text `yaml:"group" example:"Public" help:"Components of one group stand together."`
}

// defaults is the one place where defaults are; those of routes are
// alert's, those of correlation incident's.
func defaults() File {
	return File{
		Timezone:    text("UTC"),
		Mode:        text("observe"),
		Listen:      text("127.0.0.1:8080"),
		Public:      FilePublic{HTTPS: text(":443"), HTTP: text(":80"), Issuer: text(LetsEncrypt)},
		Log:         FileLog{Level: text("info"), Format: text("text")},
		Routes:      defaultRoutes(),
		Correlation: defaultCorrelation(),
		StatusPage:  FileStatusPage{Title: text("Status")},
		Repairs:     defaultRepairs(),
		OnCall:      defaultOnCall(),
	}
}

func defaultRoutes() []FileRoute {
	var list []FileRoute
	for _, r := range alert.DefaultRouteText() {
		f := FileRoute{}
		if r.Match != "" {
			f.Match = text(r.Match)
		}
		switch alert.Action(r.Action) {
		case alert.Open:
			f.Open = text(r.Severity)
		case alert.Notify:
			f.Notify = text("true")
		case alert.Ignore:
			f.Ignore = text("true")
		}
		list = append(list, f)
	}
	return list
}

func defaultCorrelation() FileCorrelation {
	r := incident.DefaultRules()
	f := FileCorrelation{
		Window: span(r.Window), ReopenWithin: span(r.ReopenWithin), Consequence: span(r.Consequence), SelfRecovery: span(r.SelfRecovery),
		Strong: texts(r.Strong...), Weak: texts(r.Weak...), Apart: texts(r.Apart...),
	}
	for _, label := range slices.Sorted(maps.Keys(r.Exporters)) {
		f.Exporters = append(f.Exporters, Item[[]Text]{text(label), texts(r.Exporters[label]...)})
	}
	return f
}

// span writes a duration as a person would: "15m", not "15m0s".
func span(d time.Duration) Text { return text(FormatDuration(d)) }
