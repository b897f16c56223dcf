package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// linode asks a Linode API. Errors have the codes that Linode's volume driver makes
// of them. https://techdocs.akamai.com/linode-api/reference/api
type linode struct {
	url, token string
	client     *http.Client
}

// volume is as much of one as the driver reads.
type volume struct {
	ID     int    `json:"id"`
	Label  string `json:"label"`
	Linode *int   `json:"linode_id"`
	Ready  bool   `json:"io_ready"` // the machine sees it
}

func (l *linode) volume(ctx context.Context, id int) (v volume, err error) {
	return v, l.call(ctx, http.MethodGet, fmt.Sprintf("/volumes/%d", id), nil, &v)
}

func (l *linode) call(ctx context.Context, method, path string, in, out any) error {
	body := []byte{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+l.token)
	res, err := l.client.Do(req)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return status.Error(codes.Unavailable, err.Error())
	case res.StatusCode == http.StatusNotFound:
		return status.Error(codes.NotFound, string(said))
	case res.StatusCode/100 != 2:
		return status.Errorf(codes.Internal, "[%03d] %s", res.StatusCode, said)
	case out == nil:
		return nil
	}
	return json.Unmarshal(said, out)
}
