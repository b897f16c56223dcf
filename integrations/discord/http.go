package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"github.com/bwmarrin/discordgo"

	"wardroom/integrations/discord/rest"
)

// Limits of POST /discord/interactions.
const (
	maxInteraction = 256 << 10       // bytes of a body; a modal has some kilobytes
	maxSkew        = 5 * time.Minute // how far the signed time may lie from ours, either way
)

// Interactions serves Discord's outgoing webhook for interactions. What is not
// signed with the application's key, as Discord tries out itself, is 401; too long
// 413; no interaction 400. It is the same path as over the gateway.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint
func (b *Bot) Interactions() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInteraction))
		if err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return
			}
			http.Error(w, "the body broke off", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if b.key == nil || !b.fresh(r.Header.Get("X-Signature-Timestamp")) || !discordgo.VerifyInteraction(r, b.key) {
			http.Error(w, "invalid request signature", http.StatusUnauthorized)
			return
		}
		i, err := decodeInteraction(body)
		if err != nil {
			b.log.Warn("an interaction was dropped: it cannot be read", "error", err)
			http.Error(w, "not an interaction", http.StatusBadRequest)
			return
		}
		if i.Type == discordgo.InteractionPing {
			writeJSON(w, rest.Response{Type: discordgo.InteractionResponsePong})
			return
		}
		b.overHTTP(w, r, i)
	})
}

// fresh reports whether a signed time, seconds since 1970, is near ours.
func (b *Bot) fresh(stamp string) bool {
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return false
	}
	return b.clock.Now().Sub(time.Unix(sec, 0)).Abs() <= maxSkew
}

// overHTTP answers in the body. The work goes on after the first answer.
func (b *Bot) overHTTP(w http.ResponseWriter, r *http.Request, i *discordgo.Interaction) {
	select {
	case <-b.alive:
	default:
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	handover := make(chan firstAnswer)
	written := make(chan error)
	over := make(chan struct{})
	respond := func(ctx context.Context, res rest.Response, files []rest.File) error {
		select {
		case handover <- firstAnswer{res, files}:
			return <-written
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.task("interaction", func() {
		defer close(over)
		b.interact(b.life, i, respond)
	})
	select {
	case a := <-handover:
		written <- a.write(w)
	case <-over: // nothing can be answered; Discord says that it failed
		http.Error(w, "no answer", http.StatusInternalServerError)
	case <-time.After(ackLimit):
		http.Error(w, "no answer in time", http.StatusGatewayTimeout)
	}
}

type firstAnswer struct {
	response rest.Response
	files    []rest.File
}

func (a firstAnswer) write(w http.ResponseWriter) error {
	if len(a.files) == 0 {
		return writeJSON(w, a.response)
	}
	if m, ok := a.response.Data.(rest.Message); ok {
		m.Attachments = nil
		for n, f := range a.files {
			m.Attachments = append(m.Attachments, rest.Attachment{ID: n, Filename: f.Name})
		}
		a.response.Data = m
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	payload, err := parts.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="payload_json"`}, "Content-Type": {"application/json"}})
	if err == nil {
		err = json.NewEncoder(payload).Encode(a.response)
	}
	for n, f := range a.files {
		if err != nil {
			break
		}
		var part io.Writer
		if part, err = parts.CreateFormFile(fmt.Sprintf("files[%d]", n), f.Name); err == nil {
			_, err = part.Write(f.Body)
		}
	}
	if err := errors.Join(err, parts.Close()); err != nil {
		return err
	}
	w.Header().Set("Content-Type", parts.FormDataContentType())
	_, err = w.Write(body.Bytes())
	return err
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
