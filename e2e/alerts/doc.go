// Package alerts proves the way from a database in trouble to the incident and the
// public page with software that is none of ours: PostgreSQL that real clients saturate,
// its exporter, Prometheus, three Alertmanagers of one cluster that are configured as
// deploy/alertmanager.yml says, and Chromium before the pages. All are Debian's.
//
// Everything listens on loopback, on free ports, and ends with its test. `make e2e`
// runs it; see docs/testing.md.
package alerts
