package linodetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"wardroom/integrations/linode/linodetest"
)

// world is a simulator with two machines, two volumes and an event.
func world(t *testing.T, opt linodetest.Options) *linodetest.Server {
	t.Helper()
	s, err := linodetest.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.AddNode(linodetest.Node{Name: "lke13311-16405-5fafd1b46dcf", Linode: 28412345})
	s.AddNode(linodetest.Node{Name: "lke13311-20304-5ffa4d11faab", Linode: 28412346})
	s.AddVolume(linodetest.Disk{ID: 55501, Label: "pvcbb1d", Linode: 28412345})
	s.AddVolume(linodetest.Disk{ID: 55502, Label: "pvcfree"})
	s.SetToken("all", linodetest.Token{User: "joe", Scopes: "*"})
	return s
}

func ask(t *testing.T, s *linodetest.Server, method, path, body string) (int, any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer all")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s %s: %s", method, path, raw)
	}
	return res.StatusCode, v, res.Header
}

// differs lists what a recorded answer has that the simulated one has not, or has
// as another type. null fits any type.
func differs(at string, recorded, simulated any) (list []string) {
	switch want := recorded.(type) {
	case nil:
		return nil
	case map[string]any:
		got, ok := simulated.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %T", at, simulated)}
		}
		for key, w := range want {
			g, there := got[key]
			if !there {
				list = append(list, at+"."+key+" is missing")
				continue
			}
			if g != nil && !free[key] {
				list = append(list, differs(at+"."+key, w, g)...)
			}
		}
	case []any:
		got, ok := simulated.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %T", at, simulated)}
		}
		if len(want) > 0 && len(got) > 0 {
			list = differs(at+"[]", want[0], got[0])
		}
	default:
		if fmt.Sprintf("%T", recorded) != fmt.Sprintf("%T", simulated) {
			return []string{fmt.Sprintf("%s is %T, recorded was %T", at, simulated, recorded)}
		}
	}
	return list
}

// free are objects whose keys a customer chooses, and ids that may be of any type.
var free = map[string]bool{"labels": true, "id": true}

func TestAnswersHaveTheShapesThatWereRecorded(t *testing.T) {
	s := world(t, linodetest.Options{})
	s.Emit("linode_boot", "finished", "joe", 28412345, 0, "")
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string]any
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	for name, want := range recorded {
		path, get := strings.CutPrefix(name, "GET ")
		if !get {
			continue
		}
		status, got, header := ask(t, s, "GET", path, "")
		if status != 200 || header.Get("Content-Type") != "application/json" || header.Get("X-OAuth-Scopes") != "*" || header.Get("X-RateLimit-Limit") == "" {
			t.Errorf("%s: %d %v", path, status, header)
		}
		for _, d := range differs(path, want, got) {
			t.Error(d)
		}
	}
	if status, got, _ := ask(t, s, "GET", "/lke/clusters/1", ""); status != 404 || len(differs("missing", recorded["missing"], got)) > 0 {
		t.Errorf("%d %v", status, got)
	}
	if status, got, _ := ask(t, s, "POST", "/lke/clusters/13311/nodes/16405-5fafd1b46dcf/recycle", "{}"); status != 200 || fmt.Sprint(got) != fmt.Sprint(recorded["POST recycle"]) {
		t.Errorf("%d %v", status, got)
	}
}

// recordings stand outside the repository; a clone does not have them.
const recordings = "../../../../shared/specs/linode-fixtures"

// like are the paths whose recorded answers are compared, and what is asked for them.
var like = map[*regexp.Regexp]string{
	regexp.MustCompile(`^GET /linode/instances/\d+$`):       "/linode/instances/28412345",
	regexp.MustCompile(`^GET /volumes/\d+$`):                "/volumes/55501",
	regexp.MustCompile(`^GET /lke/clusters/\d+/pools/\d+$`): "/lke/clusters/13311/pools/16405",
	regexp.MustCompile(`^POST /lke/clusters/\d+/pools$`):    "/lke/clusters/13311/pools/16405",
	regexp.MustCompile(`^GET /account/events$`):             "/account/events",
	regexp.MustCompile(`^GET /account/events/\d+$`):         "/account/events/190000001",
	regexp.MustCompile(`^GET /lke/clusters/\d+$`):           "/lke/clusters/13311",
}

func TestEveryRecordingHasTheShape(t *testing.T) {
	files, err := filepath.Glob(recordings + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the recordings are not in this clone")
	}
	s := world(t, linodetest.Options{})
	s.Emit("linode_boot", "finished", "joe", 28412345, 0, "")
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tape struct {
			Interactions []struct {
				Request  struct{ URL, Method string }
				Response struct {
					Body string
					Code int
				}
			}
		}
		if err := yaml.Unmarshal(raw, &tape); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, i := range tape.Interactions {
			path, _, _ := strings.Cut(strings.TrimPrefix(i.Request.URL, "https://api.linode.com/v4beta"), "?")
			for pattern, mine := range like {
				var want any
				if i.Response.Code != 200 || !pattern.MatchString(i.Request.Method+" "+path) || json.Unmarshal([]byte(i.Response.Body), &want) != nil {
					continue
				}
				compared++
				_, got, _ := ask(t, s, "GET", mine, "")
				for _, d := range differs(filepath.Base(file)+" "+path, want, got) {
					t.Error(d)
				}
			}
		}
	}
	if compared < 15 {
		t.Errorf("only %d recordings were compared", compared)
	}
}

func TestFiltersAndPages(t *testing.T) {
	s := world(t, linodetest.Options{Now: func() time.Time { return time.Date(2021, 7, 11, 1, 0, 0, 0, time.UTC) }})
	for n := range 60 {
		s.Emit([]string{"linode_boot", "volume_detach"}[n%2], "finished", "joe", 28412345, 0, "")
	}
	for filter, want := range map[string]string{
		`{"action":"volume_detach","created":{"+gte":"2021-07-11T01:00:00"}}`:                    "30 190000002",
		`{"action":"volume_detach","created":{"+gt":"2021-07-11T01:00:00"}}`:                     "0 ",
		`{"id":{"+gte":190000058},"+order_by":"id","+order":"desc"}`:                             "3 190000060",
		`{"+or":[{"id":190000003},{"id":190000007}],"entity.type":"linode"}`:                     "2 190000003",
		`{"+and":[{"action":"linode_boot"},{"action":{"+contains":"volume"}}],"username":"joe"}`: "0 ",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/account/events?page=1&page_size=25", nil)
		req.Header.Set("X-Filter", filter)
		req.Header.Set("Authorization", "Bearer all")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Data    []struct{ ID int64 }
			Results int
		}
		if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		got := fmt.Sprint(list.Results, " ")
		if len(list.Data) > 0 {
			got = fmt.Sprint(list.Results, " ", list.Data[0].ID)
		}
		if got != want || len(list.Data) > 25 {
			t.Errorf("%s: %s", filter, got)
		}
	}
	for _, path := range []string{"/account/events?page_size=10", "/account/events?page=9"} {
		if status, _, _ := ask(t, s, "GET", path, ""); status == 200 {
			t.Errorf("%s is refused", path)
		}
	}
}
