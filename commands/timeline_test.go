package commands_test

import (
	"fmt"
	"testing"
)

func TestTimelineCommandsReadLikeTheNight(t *testing.T) {
	w := newWatch(t)
	w.receive("00:32", page("postgres/connection-limit", "00:31", "no connections left"))
	w.says("00:33", "joe", "/timeline add text:Joe is *paged*")
	w.says("06:40", "joe", "/timeline add at:08:30 text:Python is offline")
	w.says("06:41", "joe", "/timeline add at:2021-07-11 23:00 text:tomorrow")
	w.says("06:41", "joe", "/timeline show")
	w.says("06:42", "joe", "/timeline correct entry:6 at:08:36")
	w.says("06:42", "joe", "/timeline correct entry:6 text:Python and Redis are offline")
	w.says("06:42", "joe", "/timeline correct entry:6")
	w.says("06:42", "joe", "/timeline correct entry:1 text:x")
	w.says("06:43", "joe", "/timeline show all:yes")
	w.says("06:43", "joe", "/timeline show entry:6")
	w.says("06:43", "joe", "/timeline show entry:INC-9#1")
	w.says("06:44", "joe", "/timeline erase entry:4 reason:held a token")
	asked := w.says("06:44", "lena", "/timeline erase entry:4 reason:held a token")
	if !asked.Confirm || len(asked.Actions) != 1 {
		t.Fatal("erasing does not ask first")
	}
	w.says("06:45", "lena", w.runner.Table.Line(asked.Actions[0].Ask))
	w.says("06:46", "lena", "/timeline show")
	w.says("06:47", "lena", "/timeline export format:mkdocs")
	w.says("06:48", "lena", "/timeline add incident:log text:The backup host was moved")
	w.says("06:48", "lena", "/timeline show incident:log all:yes")
	w.golden("timeline")
}

func TestTimelinePagesFromTheNewest(t *testing.T) {
	w := newWatch(t)
	w.receive("00:32", page("a", "00:31", "x"))
	for n := range 45 {
		if _, err := w.ask("joe", fmt.Sprintf("/timeline add text:note %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	var pages [][]string
	for p := 1; p <= 4; p++ {
		reply, err := w.ask("vic", fmt.Sprintf("/timeline show page:%d", p))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		if reply.Table != nil {
			for _, row := range reply.Table.Rows {
				texts = append(texts, row[3])
			}
		}
		pages = append(pages, texts)
	}
	if len(pages[0]) != 20 || pages[0][19] != "note 44" || pages[0][0] != "note 25" || len(pages[1]) != 20 || pages[1][19] != "note 24" || len(pages[2]) != 7 || len(pages[3]) != 0 {
		t.Errorf("%q", pages)
	}
}
