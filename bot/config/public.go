package config

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var mailbox = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)

func (d *decoder) public(f FilePublic) Public {
	p := Public{Host: parsed(d, f.Host, ParseDomain), Email: f.Email.Value, Issuer: parsed(d, f.Issuer, parseIssuer),
		HTTPS: parsed(d, f.HTTPS, ParseAddr), HTTP: parsed(d, f.HTTP, ParseAddr)}
	if p.Email != "" && !mailbox.MatchString(p.Email) {
		d.fail(f.Email.Pos, "%q is not a mail address", p.Email)
	}
	if f.Host.IsZero() && f.Line > 0 {
		d.fail(f.Pos, "needs host: the name in the certificate")
	}
	if !f.IssuerRoot.IsZero() {
		if p.Issuer != nil && p.Issuer.String() == LetsEncrypt && f.Issuer.Line == 0 {
			d.fail(f.IssuerRoot.Pos, "is for an issuer of your own: give its ACME directory under issuer")
		}
		p.Roots = d.roots(f.IssuerRoot)
	}
	d.account(f, &p)
	return p
}

// account reads what an issuer gave its customer: a key id and an HMAC key, which are of
// use only together. https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4
func (d *decoder) account(f FilePublic, p *Public) {
	switch {
	case f.Account.IsZero() && f.AccountKey.IsZero():
		return
	case f.AccountKey.IsZero():
		d.fail(f.Account.Pos, "needs account_key, or account_key_file: the HMAC key that the issuer gave with it")
		return
	case f.Account.IsZero():
		d.fail(f.Pos, "account_key needs account: the key id that the issuer gave with it")
		return
	}
	// Some issuers print the padding that the standard leaves out.
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(f.AccountKey.Reveal()), "="))
	if err != nil || len(key) == 0 {
		d.fail(f.Pos, "account_key is not base64url (letters, digits, - and _), as issuers give it")
		return
	}
	p.Account, p.AccountKey = f.Account.Value, Secret{value: string(key), file: f.AccountKey.File()}
}

// ParseDomain reads a host name that can stand in a certificate: one with a domain. It
// returns it in lower case.
func ParseDomain(s string) (string, error) {
	h, err := ParseHost(s)
	if err == nil && !strings.Contains(h, ".") {
		return "", fmt.Errorf("%q has no domain, and a certificate is got only for a name that has one, as wardroom.example.org", s)
	}
	return h, err
}

// parseIssuer reads the URL of an ACME directory. ACME is spoken over https alone:
// https://www.rfc-editor.org/rfc/rfc8555#section-6.1
func parseIssuer(s string) (*url.URL, error) {
	u, err := ParseURL(s)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "https":
		return nil, fmt.Errorf("%q: ACME is spoken over https alone; issuer_root names the root certificate of an authority of your own", s)
	}
	return u, nil
}

// roots reads the certificates of a PEM file. What is half read would be found only when
// a certificate is to be renewed, so a single bad one refuses the file.
func (d *decoder) roots(t Text) *x509.CertPool {
	path := d.resolve(t.Value)
	data, _, err := d.read(path)
	if err != nil {
		d.fail(t.Pos, "cannot read the certificates: %v", err)
		return nil
	}
	pool, found := x509.NewCertPool(), false
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			d.fail(t.Pos, "%s holds a private key: give the certificate without it", path)
			return nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			d.fail(t.Pos, "%s holds a block %q that is no certificate", path, block.Type)
			return nil
		}
		pool.AddCert(c)
		found = true
	}
	if !found {
		d.fail(t.Pos, "%s holds no certificate as PEM (`openssl x509 -inform der -in FILE` makes one of DER)", path)
		return nil
	}
	return pool
}

// apart refuses two listeners on one address.
func (d *decoder) apart(f *File, c *Config) {
	type listener struct {
		key     string
		address Addr
		at      Pos
	}
	all := []listener{{"listen", c.Listen, f.Listen.Pos}, {"status_page.listen", c.StatusPage.Listen, f.StatusPage.Listen.Pos}}
	if c.Public.Host != "" {
		all = append(all, listener{"public.https", c.Public.HTTPS, f.Public.HTTPS.Pos}, listener{"public.http", c.Public.HTTP, f.Public.HTTP.Pos})
	}
	for i, one := range all {
		for _, other := range all[:i] {
			if one.address != other.address || one.address.IsZero() || one.address.Port == 0 {
				continue
			}
			if one.at.Line == 0 { // a default, so it is the other that was written
				one, other = other, one
			}
			d.fail(one.at, "is the same address as %s: leave it out, or choose another", other.key)
		}
	}
}
