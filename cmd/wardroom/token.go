package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"wardroom/bot/config"
)

// tokenFile holds the webhook token that is made when none is configured.
const tokenFile = "wardroom.token"

// webhookToken reads the token in the data folder, and makes one at the first
// start. Only the owner of the folder can read the file.
func webhookToken(data string) (config.Secret, error) {
	path := filepath.Join(data, tokenFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		token := rand.Text()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return config.Secret{}, fmt.Errorf("make %s: %w", path, err)
		}
		if _, err := fmt.Fprintln(f, token); err != nil {
			return config.Secret{}, errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
		}
		return config.NewSecret(token), f.Close()
	case err != nil:
		return config.Secret{}, err
	}
	token := strings.TrimSpace(string(b))
	if len(token) < 16 {
		return config.Secret{}, fmt.Errorf("%s is too short to be a token; remove it, and a new one is made at the next start", path)
	}
	return config.NewSecret(token), nil
}
