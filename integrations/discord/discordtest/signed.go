package discordtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

func hexKey(s *Server) string { return hex.EncodeToString(s.PublicKey()) }

// SetInteractionsURL makes interactions arrive at an address, signed with Ed25519,
// instead of over the gateway; "" goes back. As Discord does when the address is saved,
// it first sends a PING, and one with a wrong signature, which must be answered 401.
// The error says what the endpoint did wrong; then nothing is changed.
// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint
func (s *Server) SetInteractionsURL(ctx context.Context, url string) error {
	if url != "" {
		ping := map[string]any{"id": "1", "application_id": applicationID, "type": 1, "token": "ping", "version": 1, "entitlements": []any{}}
		for _, c := range []struct{ forged bool }{{true}, {false}} {
			status, body, _, err := s.postSigned(ctx, url, ping, c.forged)
			var pong struct{ Type int }
			switch {
			case err != nil:
				return fmt.Errorf("the interactions endpoint cannot be verified: %w", err)
			case c.forged && status != http.StatusUnauthorized:
				return fmt.Errorf("the interactions endpoint answers %d to a wrong signature, not 401", status)
			case !c.forged && (status != http.StatusOK || json.Unmarshal(body, &pong) != nil || pong.Type != 1):
				return fmt.Errorf("the interactions endpoint answers PING with %d %.200s", status, body)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.InteractionsURL = url
	return nil
}

// postSigned sends a payload with its signature over timestamp and body.
func (s *Server) postSigned(ctx context.Context, url string, payload any, forged bool) (status int, body []byte, files map[string]upload, err error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return 0, nil, nil, err
	}
	at := strconv.FormatInt(s.now().Unix(), 10)
	sig := ed25519.Sign(s.key, append([]byte(at), raw...))
	if forged {
		sig[0] ^= 1
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	req.Header.Set("X-Signature-Timestamp", at)
	req.Header.Set("X-Signature-Ed25519", hex.EncodeToString(sig))
	res, err := httpOut.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(res.Body, maxBody)); err == nil {
		body, files, err = parts(res.Header.Get("Content-Type"), body)
	}
	return res.StatusCode, body, files, err
}

// sendHTTP posts an interaction and takes the answer from the response; 202 means that
// it comes through the callback route. What it holds wrong is as no answer.
func (s *Server) sendHTTP(url string, it *interaction, payload json.RawMessage) {
	ctx, stop := context.WithTimeout(context.Background(), s.opt.Deadline)
	defer stop()
	status, body, files, err := s.postSigned(ctx, url, payload, false)
	if err == nil && status == http.StatusAccepted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b callbackBody
	if err == nil && status == http.StatusOK {
		if err = json.Unmarshal(body, &b); err == nil {
			err = s.acknowledge(it, b, files)
		}
	} else if err == nil {
		err = fmt.Errorf("the interactions endpoint answers %d %.200s", status, body)
	}
	if err != nil && it.answered == 0 {
		it.failed = true
		s.opt.Log.Warn("an interaction over HTTP was not answered", "error", err)
	}
	s.touch()
}
