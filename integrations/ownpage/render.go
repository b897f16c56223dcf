package ownpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

//go:embed assets/style.css
var styleSource string

//go:embed assets/page.html
var pageSource string

// style stands in every page: one request shows it, and a file needs nothing beside it.
var style = strings.ReplaceAll(strings.TrimSpace(styleSource), "\n", "")

var templates = template.Must(template.New("page").Parse(pageSource))

// policy lets nothing run or load but this one style sheet and the icon.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"
}()

// icon is a signal flag.
const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%230b5cad'/%3E%3Cpath d='M9 6v20M9 8h14l-4 5 4 5H9' fill='none' stroke='%23fff' stroke-width='3' stroke-linejoin='round' stroke-linecap='round'/%3E%3C/svg%3E"

func render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("ownpage: render %s: %w", name, err)
	}
	return b.Bytes(), nil
}
