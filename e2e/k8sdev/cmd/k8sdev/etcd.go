package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func runEtcd() { etcdmain.Main(os.Args) }

// etcdArgs are for a single member whose data is thrown away: it elects itself at
// once and never waits for the disk.
func etcdArgs(dir string, client, peer int) (url string, args []string) {
	url = fmt.Sprintf("http://127.0.0.1:%d", client)
	with := fmt.Sprintf("http://127.0.0.1:%d", peer)
	return url, []string{
		"--data-dir=" + filepath.Join(dir, "etcd"), "--log-level=warn", "--unsafe-no-fsync",
		"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
		"--listen-peer-urls=" + with, "--initial-advertise-peer-urls=" + with, "--initial-cluster=default=" + with,
		"--heartbeat-interval=100", "--election-timeout=1000",
	}
}
