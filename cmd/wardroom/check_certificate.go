package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wardroom/bot/config"
	checks "wardroom/bot/watch"
	"wardroom/integrations/web"
)

// certificatesFolder holds what autocert got, in the data folder.
const certificatesFolder = "certificates"

// certificateFolder is that of one issuer: a certificate of another, as of a staging one,
// would be served for as long as it is valid. Let's Encrypt's is the folder itself.
func certificateFolder(data string, p config.Public) string {
	folder := filepath.Join(data, certificatesFolder)
	if p.Issuer.String() == config.LetsEncrypt {
		return folder
	}
	return filepath.Join(folder, strings.ReplaceAll(p.Issuer.Host, ":", "_"))
}

func issuerOf(p config.Public) web.Issuer {
	return web.Issuer{Directory: p.Issuer.String(), Roots: p.Roots, Account: p.Account, AccountKey: []byte(p.AccountKey.Reveal())}
}

// certificate looks at what autocert keeps, and at who issues it; nothing when there is
// no public host.
func (k *checker) certificate() []checks.Check {
	p := k.config.Public
	if p.Host == "" {
		return nil
	}
	return []checks.Check{
		{Name: "certificate", Try: func(context.Context) (checks.Finding, error) { return k.certificateOf(p) }},
		{Name: "issuer", Try: func(ctx context.Context) (checks.Finding, error) {
			if err := k.issuer(ctx, issuerOf(p)); err != nil {
				return checks.Fail("%s: %v", p.Issuer.Host, err).WithHint("without it no certificate is got or renewed; the one that is there stays"), nil
			}
			return checks.Fine("%s answers", p.Issuer.Host), nil
		}},
	}
}

func (k *checker) certificateOf(p config.Public) (checks.Finding, error) {
	// autocert keeps the key and the chain in one file; that of old clients ends in
	// +rsa. https://pkg.go.dev/golang.org/x/crypto/acme/autocert#Cache
	folder := certificateFolder(k.data, p)
	body, err := os.ReadFile(filepath.Join(folder, p.Host))
	if errors.Is(err, fs.ErrNotExist) {
		body, err = os.ReadFile(filepath.Join(folder, p.Host+"+rsa"))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checks.Warn("there is none for %s yet", p.Host).
			WithHint("`wardroom serve` asks for it, and its log says what is in the way: the name must lead here, and ports 80 and 443 be open to the issuer"), nil
	case err != nil:
		return checks.Finding{}, err
	}
	leaf, err := firstCertificate(body)
	if err != nil {
		return checks.Finding{}, fmt.Errorf("the certificate for %s in %s: %w", p.Host, folder, err)
	}
	left, renewed := leaf.NotAfter.Sub(k.clock.Now()), renewedBefore(leaf)
	text := fmt.Sprintf("%s until %s", p.Host, leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC"))
	hint := fmt.Sprintf("it should be renewed by itself %s before; the process log says why not. Ports 80 and 443 must be open to the issuer", roughly(renewed))
	switch err := leaf.VerifyHostname(p.Host); {
	case left <= 0:
		return checks.Fail("%s: it has expired", text).WithHint("%s", hint), nil
	case err != nil:
		return checks.Finding{}, err
	case left < renewed/2: // half the time in which it should have been renewed is over
		return checks.Warn("%s: %s left", text, roughly(left)).WithHint("%s", hint), nil
	}
	return checks.Fine("%s: %s left", text, roughly(left)), nil
}

// renewedBefore is how long before its end autocert renews a certificate, some of which
// are valid for a day. https://pkg.go.dev/golang.org/x/crypto/acme/autocert#Manager
func renewedBefore(c *x509.Certificate) time.Duration {
	return min(c.NotAfter.Sub(c.NotBefore)/3, 30*24*time.Hour)
}

func firstCertificate(body []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(body); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("there is no certificate in it")
}
