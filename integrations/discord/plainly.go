package discord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/gorilla/websocket"

	"wardroom/bot/room"
)

// plainly says in a few words why a connection failed; the log has the rest.
func plainly(err error) string {
	var closed *websocket.CloseError
	var network net.Error
	var resolving *net.DNSError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke off"
	case errors.As(err, &closed):
		return fmt.Sprintf("Discord closed the connection (%d %s)", closed.Code, room.Cut(room.Plain(closed.Text), 80))
	case errors.As(err, &resolving):
		return "its name cannot be resolved"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "it does not answer"
	case errors.Is(err, errSilent), errors.Is(err, errOver), errors.Is(err, errInvalidSession), errors.Is(err, errUnshielded):
		return err.Error()
	}
	return room.Cut(room.Plain(err.Error()), 120)
}
