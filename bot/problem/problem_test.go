package problem

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
)

func TestAProblemKeepsItsCause(t *testing.T) {
	cause := errors.New("disk full")
	base := New(Unavailable, "cannot record %d alerts", 3)
	p := base.Because(cause).WithHint("make room")
	if p.Error() != "cannot record 3 alerts: disk full" || p.Hint != "make room" || !errors.Is(p, cause) {
		t.Errorf("%+v", p)
	}
	if base.Err != nil || base.Hint != "" {
		t.Error("the original changed")
	}
	wrapped := fmt.Errorf("webhook: %w", p)
	if CodeOf(wrapped) != Unavailable || !Is(wrapped, Unavailable) || Is(nil, Internal) {
		t.Error("codes are found through wrapping, and nil has none")
	}
	if CodeOf(cause) != Internal || CodeOf(nil) != "" {
		t.Error("what is no problem is internal")
	}
}

func TestUnavailableIs503(t *testing.T) {
	if Unavailable.HTTPStatus() != http.StatusServiceUnavailable {
		t.Error("Alertmanager drops a notification that is answered with 4xx")
	}
	for _, c := range []Code{Invalid, Unauthentic, Forbidden, NotFound, Conflict, TooLarge, Unsupported} {
		if s := c.HTTPStatus(); s < 400 || s > 499 {
			t.Errorf("%s is %d", c, s)
		}
	}
	if Code("new").HTTPStatus() != http.StatusInternalServerError {
		t.Error("an unknown code is ours to mend")
	}
}
