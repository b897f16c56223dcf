package ownpage_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"wardroom/integrations/ownpage"
)

// A crowd that reloads costs a copy of bytes, not a query.
func BenchmarkCrowd(b *testing.B) {
	r := newRig(b, ownpage.Options{})
	r.night()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := httptest.NewRecorder()
			r.page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if w.Code != http.StatusOK {
				b.Fatal(w.Code)
			}
		}
	})
}
