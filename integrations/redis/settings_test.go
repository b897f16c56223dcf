package redis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wardroom/bot/config"
	"wardroom/integrations/redis"
)

func decode(t *testing.T, section string) ([]redis.Set, error) {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "wardroom.yaml")
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(section), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return redis.Decode(cfg.Redis)
}

func TestDecode(t *testing.T) {
	sets, err := decode(t, `redis:
  - workload: default/redis
    address: "{pod}.redis-headless.default.svc:6379"
    password_file: secret
    sentinels: ["{pod}.redis-headless.default.svc:26379"]
    master: mymaster
  - name: queue
    workload: jobs/queue
    addresses: {queue-0: 10.0.0.4:6379}
    tls: {}
    timeout: 1s
`)
	if err != nil {
		t.Fatal(err)
	}
	a, b := sets[0], sets[1]
	if len(sets) != 2 || a.Name != "default/redis" || a.Workload.Kind != "StatefulSet" || a.Login.Password.Reveal() != "hush" || a.TLS != nil || a.Timeout != redis.DefaultTimeout {
		t.Errorf("%+v", a)
	}
	if b.Name != "queue" || b.TLS == nil || b.Timeout != time.Second || b.Addresses["queue-0"] != "10.0.0.4:6379" {
		t.Errorf("%+v", b)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const good = "redis:\n  - workload: default/redis\n    address: \"{pod}.x:6379\"\n"
	for name, tt := range map[string]struct{ text, says string }{
		"no workload":               {"redis:\n  - address: \"{pod}.x:6379\"\n", "write it as default/redis"},
		"no address":                {"redis:\n  - workload: default/redis\n", "{pod}.redis-headless.default.svc:6379"},
		"one for all pods":          {"redis:\n  - workload: default/redis\n    address: redis:6379\n", "{pod}"},
		"no port":                   {"redis:\n  - workload: default/redis\n    address: \"{pod}.x\"\n", "and a port"},
		"a bad single one":          {"redis:\n  - workload: default/redis\n    addresses: {redis-0: here}\n", "10.0.0.4:6379"},
		"no master":                 {good + "    sentinels: [a:26379]\n", "by which name the Sentinels know the set"},
		"no Sentinels":              {good + "    master: mymaster\n", "where the Sentinels answer"},
		"a Sentinel's port":         {good + "    master: m\n    sentinels: [a]\n", "10.0.0.4:26379"},
		"unknown key":               {good + "    pasword: x\n", "pasword"},
		"twice":                     {good + "  - workload: default/redis\n    address: \"{pod}.y:6379\"\n", "is there twice"},
		"a slow one":                {good + "    timeout: 5m\n", "from 100ms to 20s"},
		"an authority that is none": {good + "    tls: {ca_file: /dev/null}\n", "no certificate"},
		"a mapping":                 {"redis:\n  workload: default/redis\n", "redis"},
		"a name with spaces":        {good + "    name: \"a b\"\n", "is no name"},
	} {
		if _, err := decode(t, tt.text); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
