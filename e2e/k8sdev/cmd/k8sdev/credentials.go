package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// Files in the state folder.
const (
	signingKey     = "sa.key" // signs the tokens of service accounts
	tokenFile      = "tokens.csv"
	kubeconfigFile = "kubeconfig" // of the administrator
)

// writeCredentials makes the administrator's token and the key of service accounts.
func writeCredentials(dir string) (token string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, signingKey), text, 0o600); err != nil {
		return "", err
	}
	token = rand.Text()
	return token, os.WriteFile(filepath.Join(dir, tokenFile), []byte(token+`,admin,admin,"system:masters"`+"\n"), 0o600)
}

func writeKubeconfig(dir, server, caFile, token string) (path string, err error) {
	path = filepath.Join(dir, kubeconfigFile)
	return path, os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: k8sdev
clusters:
- name: k8sdev
  cluster: {server: %q, certificate-authority: %q}
users:
- name: admin
  user: {token: %s}
contexts:
- name: k8sdev
  context: {cluster: k8sdev, user: admin}
`, server, caFile, token), 0o600)
}
