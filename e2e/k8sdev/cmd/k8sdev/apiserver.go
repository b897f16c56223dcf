package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// certificate is the API server's own, which it makes for 127.0.0.1 at its first start.
func certificate(dir string) string { return filepath.Join(dir, "certs", "apiserver.crt") }

// apiServerArgs are for an API server on loopback that asks RBAC. Pods leave a node
// that is not Ready after three seconds, where it takes five minutes.
func apiServerArgs(dir, etcd string, port int) (url string, args []string) {
	key := filepath.Join(dir, signingKey)
	return fmt.Sprintf("https://127.0.0.1:%d", port), []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port=" + strconv.Itoa(port), "--cert-dir=" + filepath.Join(dir, "certs"),
		"--token-auth-file=" + filepath.Join(dir, tokenFile), "--authorization-mode=Node,RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=10.128.0.0/16", "--allow-privileged=true",
		"--kubelet-preferred-address-types=InternalIP", "--profiling=false",
		"--default-not-ready-toleration-seconds=3", "--default-unreachable-toleration-seconds=3",
		"--audit-policy-file=" + filepath.Join(dir, auditPolicyFile), "--audit-log-path=" + filepath.Join(dir, auditLog), "--audit-log-mode=blocking",
	}
}

// Files in the state folder: what is recorded of requests, and the record.
const (
	auditPolicyFile = "audit-policy.yaml"
	auditLog        = "audit.jsonl"
)

// writeAuditPolicy lets each request of a service account be recorded that is not the
// control plane's own, without its body.
func writeAuditPolicy(dir string) error {
	return os.WriteFile(filepath.Join(dir, auditPolicyFile), []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, userGroups: ["system:serviceaccounts:kube-system"]}
- {level: Metadata, userGroups: ["system:serviceaccounts"]}
- {level: None}
`), 0o600)
}
