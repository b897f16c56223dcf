package main

import (
	"strings"
	"testing"

	"wardroom/bot/config"
)

// TestEveryMistakeOfEverySectionAtOnce: whoever writes a configuration mends it once.
func TestEveryMistakeOfEverySectionAtOnce(t *testing.T) {
	const file = `mode: active
intake:
  generic:
    - name: shop
      map: {status: "{a.b", foo: x}
    - name: till
      map: {status: "{a.b"}
discord: {token: x}
linode: {cluster: abc}
redis: [{}]
talos: {foo: 1}
status_page:
  statuspage: {pageid: x}
kubernetes: {kubeconfg: /nope}
`
	_, err := config.Parse("wardroom.yaml", t.TempDir(), []byte(file), owners...)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"has 9 mistakes:", ":1: mode: ", ":5: intake.generic[0].map.foo: ", ":7: intake.generic[1].map", ":8: discord.guild: ", ":9: linode.cluster: ",
		":10: redis[0].workload: ", ":11: talos.foo: ", ":13: status_page.statuspage.pageid: ", ":14: kubernetes.kubeconfg: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}
