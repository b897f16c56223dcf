// Package acme proves `wardroom serve --public` against an ACME server that is none of
// ours: Pebble, by those who run Let's Encrypt. Wardroom asks it for a certificate, it
// connects to Wardroom to see that the name is Wardroom's, by tls-alpn-01 or http-01, and
// signs. Names lead where a name server of the test says.
//
// Everything listens on loopback, on free ports, and ends with its test. `make e2e` runs
// it; see docs/testing.md.
package acme
