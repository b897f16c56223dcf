// Command discordsim is the simulated Discord in a process of its own, to be talked to
// by a bot at --listen and driven by a test (discordtest.Dial) or by curl at --control:
//
//	discordsim --listen 127.0.0.1:4000 --control 127.0.0.1:4001 --content
//	curl -d '{"action":{"user":"joe","do":"say","channel":"general","text":"hello"}}' 127.0.0.1:4001/act
//	curl -d '{"for":60000000000}' 127.0.0.1:4001/down
//
// It prints one line of JSON when it is ready and holds everything in memory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"wardroom/integrations/discord/discordtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "discordsim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("discordsim", flag.ContinueOnError)
	flags.SetOutput(log)
	opt := discordtest.Options{Log: slog.New(slog.NewTextHandler(log, nil))}
	flags.StringVar(&opt.Listen, "listen", "127.0.0.1:0", "address of REST API and gateway")
	control := flags.String("control", "127.0.0.1:0", "address of the control, which must stay private")
	flags.StringVar(&opt.Token, "token", "", "the bot's token")
	flags.StringVar(&opt.Bot, "bot", "", "the bot's name")
	people := flags.String("people", "", "members from the start, by commas")
	content := flags.Bool("content", false, "grant the Message Content intent")
	members := flags.Bool("members", false, "grant the Server Members intent")
	flags.DurationVar(&opt.Heartbeat, "heartbeat", 0, "the gateway's heartbeat interval")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *people != "" {
		opt.People = strings.Split(*people, ",")
	}
	if *content {
		opt.Intents |= discordtest.IntentContent
	}
	if *members {
		opt.Intents |= discordtest.IntentMembers
	}
	s, err := discordtest.New(opt)
	if err != nil {
		return err
	}
	defer s.Close()
	in, err := net.Listen("tcp", *control)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	web := &http.Server{Handler: s.Control(), ReadHeaderTimeout: 10 * time.Second}
	end := context.AfterFunc(ctx, func() { web.Close() })
	defer end()
	err = json.NewEncoder(out).Encode(struct {
		discordtest.Info
		Control string `json:"control"`
	}{s.Info(), "http://" + in.Addr().String()})
	if err != nil {
		return err
	}
	if err := web.Serve(in); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
