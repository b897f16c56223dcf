package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
)

// authority is a certificate as PEM.
func authority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestPublicIsLetsEncryptUnlessSaid(t *testing.T) {
	c, err := Parse("wardroom.yaml", "", []byte("public: {host: wardroom.example.org}"))
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Public; p.Issuer.String() != LetsEncrypt || p.Roots != nil || p.HTTPS.String() != ":443" || p.HTTP.String() != ":80" {
		t.Errorf("%+v", p)
	}
}

func TestAnIssuerOfOnesOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "roots.pem", "two of them\n"+string(authority(t))+string(authority(t)), 0o644)
	path := write(t, dir, "wardroom.yaml", `public:
  host: wardroom.internal.example.org
  https: 127.0.0.1:8443
  http: 127.0.0.1:8080
  issuer: https://ca.example.org:9000/acme/acme/directory
  issuer_root: roots.pem
listen: 127.0.0.1:9000
`, 0o600)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Public
	if p.Issuer.String() != "https://ca.example.org:9000/acme/acme/directory" || p.HTTPS.Port != 8443 || p.HTTP.Port != 8080 || p.Roots == nil {
		t.Errorf("%+v", p)
	}
}

// TestACustomersAccount: issuers print the key that they give with and without padding.
func TestACustomersAccount(t *testing.T) {
	for _, key := range []string{"-_8A", "-_8A ", "'-_8AAQ=='"} {
		c, err := Parse("wardroom.yaml", "", []byte("public: {host: a.example.org, issuer: 'https://ca.example.org/directory', account: kid-1, account_key: "+key+"}"))
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Public; p.Account != "kid-1" || !strings.HasPrefix(p.AccountKey.Reveal(), "\xfb\xff\x00") {
			t.Errorf("%s: %q %q", key, p.Account, p.AccountKey.Reveal())
		}
	}
}

// TestMistakesOfPublic: what would be found only when a certificate is asked for, or is to
// be renewed, is found at the start.
func TestMistakesOfPublic(t *testing.T) {
	dir := t.TempDir()
	key := "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
	write(t, dir, "roots.pem", string(authority(t)), 0o644)
	write(t, dir, "both.pem", string(authority(t))+key, 0o644)
	write(t, dir, "broken.pem", string(authority(t))+"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644)
	write(t, dir, "der.pem", "\x30\x82\x01", 0o644)
	const own = "host: a.example.org, issuer: 'https://ca.example.org/directory', "
	for public, want := range map[string]string{
		"host: wardroom":                       `:1: public.host: "wardroom" has no domain`,
		"host: 192.0.2.1":                      `public.host: "192.0.2.1" is an address`,
		"issuer: 'https://x'":                  "public: needs host",
		"host: a.example.org, issuer: /etc/ca": `public.issuer: "/etc/ca" is not a URL`,
		"host: a.example.org, issuer: 'http://ca.example.org'":   "issuer_root names the root certificate",
		"host: a.example.org, issuer_root: roots.pem":            "public.issuer_root: is for an issuer of your own",
		own + "issuer_root: none.pem":                            "public.issuer_root: cannot read the certificates: ",
		own + "issuer_root: both.pem":                            "both.pem holds a private key",
		own + "issuer_root: broken.pem":                          `broken.pem holds a block "CERTIFICATE" that is no certificate`,
		own + "issuer_root: der.pem":                             "der.pem holds no certificate as PEM",
		own + "root: roots.pem":                                  "public.root: is not known",
		"host: a.example.org, https: '127.0.0.1:8080'":           "public.https: is the same address as listen",
		"host: a.example.org, https: ':8443', http: ':8443'":     "public.http: is the same address as public.https",
		"host: a.example.org, https: ':80'":                      "public.https: is the same address as public.http",
		"host: a.example.org, https: 443":                        "public.https: \"443\" is not an address",
		"host: a.example.org, email: nobody":                     "is not a mail address",
		own + "account: kid-1":                                   "public.account: needs account_key, or account_key_file",
		own + "account_key: c2VjcmV0":                            "account_key needs account: the key id",
		own + "account: kid-1, account_key: 'no base64'":         "account_key is not base64url",
		own + "account: kid-1, account_key: '=='":                "account_key is not base64url",
		"host: a.example.org, http: ':70000'":                    "the port must be a number",
		"host: a.example.org, issuer: 'https://u:p@example.org'": "carries credentials",
	} {
		_, err := Parse("wardroom.yaml", dir, []byte("public: {"+public+"}"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "has 1 mistake:") {
			t.Errorf("{%s}: got %v, want %q", public, err, want)
		}
	}
	if _, err := Parse("wardroom.yaml", dir, []byte("public: {"+own+"issuer_root: "+filepath.Join(dir, "roots.pem")+"}")); err != nil {
		t.Error(err)
	}
}
