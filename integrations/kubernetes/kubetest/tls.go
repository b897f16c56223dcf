package kubetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// newCertificate makes the API server's own certificate for a loopback address.
// client-go leaves the credentials of a kubeconfig out where the server is not
// reached over TLS, so a simulated one without it could not tell who asks.
func newCertificate() (cert tls.Certificate, authority []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, nil, fmt.Errorf("simulated cluster: %w", err)
	}
	// Real time: TLS is not a part of what is simulated.
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simulated cluster"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"}}
	raw, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		return cert, nil, fmt.Errorf("simulated cluster: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), nil
}

// Kubeconfig is one for a token, as text.
func (s *Server) Kubeconfig(token string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: simulated
contexts: [{name: simulated, context: {cluster: simulated, user: simulated}}]
clusters: [{name: simulated, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: simulated, user: {token: %q}}]
`, s.URL(), base64.StdEncoding.EncodeToString(s.authority), token)
}

// WriteKubeconfig writes a kubeconfig for a token.
func (s *Server) WriteKubeconfig(path, token string) error {
	return os.WriteFile(path, s.Kubeconfig(token), 0o600)
}
