package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds one answer of the API, in bytes.
const maxAnswer = 32 << 20

// addresses reads the addresses of replicas. It fails when there is none, or one
// that is not http or https.
func addresses(written []string) ([]*url.URL, error) {
	if len(written) == 0 {
		return nil, errors.New("alertmanager: there is no address")
	}
	replicas := make([]*url.URL, len(written))
	for i, raw := range written {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, fmt.Errorf("alertmanager: %q is not an address like http://alertmanager:9093", raw)
		}
		replicas[i] = u
	}
	return replicas, nil
}

// api is Alertmanager's version 2.
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
type api struct {
	client    *http.Client
	authorize func(*http.Request) // may be nil
}

// call asks one replica and decodes the answer into out, which may be nil. body is
// sent as JSON; nil is none.
func (a api) call(ctx context.Context, method string, replica *url.URL, what string, query url.Values, body, out any) error {
	u := replica.JoinPath("api", "v2", what)
	u.RawQuery = query.Encode()
	shown := u.Host + "/" + strings.TrimPrefix(u.Path, "/") // without the user that a URL may hold
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("alertmanager: %s: %w", shown, err)
		}
		sent = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), sent)
	if err != nil {
		return fmt.Errorf("alertmanager: %s: %w", shown, err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.authorize != nil {
		a.authorize(req)
	}
	res, err := a.client.Do(req)
	if err != nil {
		if urlErr, ok := errors.AsType[*url.Error](err); ok {
			err = urlErr.Err
		}
		return fmt.Errorf("alertmanager: %s: %w", shown, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("alertmanager: %s: %w", shown, err)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("alertmanager: %s answered %s", shown, res.Status)
	case len(answer) > maxAnswer:
		return fmt.Errorf("alertmanager: %s answered more than %d MiB", shown, maxAnswer>>20)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("alertmanager: %s did not answer as Alertmanager does: %w", shown, err)
	}
	return nil
}
