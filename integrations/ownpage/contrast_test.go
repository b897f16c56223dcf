package ownpage

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`--([a-z0-9]+):#([0-9a-f]{3,6})`)

// palette reads the colours of the light or the dark page.
func palette(css string) map[string]float64 {
	luminance := map[string]float64{}
	for _, m := range variable.FindAllStringSubmatch(css, -1) {
		luminance[m[1]] = relativeLuminance(m[2])
	}
	return luminance
}

// relativeLuminance as WCAG 2.2 defines it.
func relativeLuminance(hex string) float64 {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, _ := strconv.ParseUint(hex, 16, 32)
	channel := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}

// Every text keeps the contrast of 4.5 to 1 that WCAG 2.2 AA asks for (1.4.3).
func TestTextIsReadableInLightAndDark(t *testing.T) {
	light, dark, found := strings.Cut(styleSource, "@media (prefers-color-scheme:dark)")
	if !found {
		t.Fatal("there is no dark page")
	}
	dark = dark[:strings.Index(dark, "}}")]
	var pairs [][2]string
	for _, ground := range []string{"bg", "card"} {
		for _, ink := range []string{"ink", "soft", "link"} {
			pairs = append(pairs, [2]string{ink, ground})
		}
	}
	for i := range 5 {
		ground := fmt.Sprintf("l%db", i)
		pairs = append(pairs, [2]string{fmt.Sprintf("l%d", i), ground}, [2]string{fmt.Sprintf("l%d", i), "card"}, [2]string{"ink", ground})
	}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colours := palette(css)
		for _, p := range pairs {
			a, haveA := colours[p[0]]
			b, haveB := colours[p[1]]
			if !haveA || !haveB {
				t.Fatalf("%s: no colour %v", name, p)
			}
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f", name, p[0], p[1], ratio)
			}
		}
	}
}
