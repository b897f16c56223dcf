package storage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wardroom/bot/timeline"
)

// table is a table of current state and the SQL that its use needs.
type table struct {
	timeline.Schema
	get, put, del string
}

// tablesOf collects the tables of all folds. Each belongs to one fold.
func tablesOf(folds []timeline.Fold) (map[string]*table, error) {
	tables := map[string]*table{}
	for _, f := range folds {
		for _, schema := range f.Tables {
			if _, twice := tables[schema.Name]; twice {
				return nil, fmt.Errorf("storage: table %q belongs to two folds", schema.Name)
			}
			if !isName(schema.Name) || slices.ContainsFunc(schema.Columns, func(c string) bool { return !isName(c) }) {
				return nil, fmt.Errorf("storage: table %q: names are lower-case letters, digits and _", schema.Name)
			}
			tables[schema.Name] = newTable(schema)
		}
	}
	return tables, nil
}

// isName keeps anything that would need quoting out of the SQL.
func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func newTable(s timeline.Schema) *table {
	columns := append([]string{"key", "doc"}, s.Columns...)
	marks, sets := make([]string, len(columns)), make([]string, 0, len(columns))
	for i, c := range columns {
		marks[i] = "$" + strconv.Itoa(i+1)
		if c != "key" {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	return &table{
		Schema: s,
		get:    "SELECT doc FROM " + s.Name + " WHERE key = $1",
		put: "INSERT INTO " + s.Name + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") +
			") ON CONFLICT (key) DO UPDATE SET " + strings.Join(sets, ", "),
		del: "DELETE FROM " + s.Name + " WHERE key = $1",
	}
}

// selects builds the query for rows, or for their number.
func (t *table) selects(what string, q timeline.Query) (string, []any, error) {
	var b strings.Builder
	b.WriteString("SELECT " + what + " FROM " + t.Name)
	args := make([]any, 0, len(q.Where))
	for i, w := range q.Where {
		if err := t.has(w.Column); err != nil {
			return "", nil, err
		}
		op := w.Op
		switch op {
		case "":
			op = "="
		case "=", "!=", "<", "<=", ">", ">=":
		default:
			return "", nil, fmt.Errorf("storage: %s: unknown comparison %q", t.Name, w.Op)
		}
		b.WriteString([]string{" WHERE ", " AND "}[min(i, 1)])
		b.WriteString(w.Column + " " + op + " $" + strconv.Itoa(i+1))
		arg, err := plain(w.Value)
		if err != nil {
			return "", nil, fmt.Errorf("storage: %s.%s: %w", t.Name, w.Column, err)
		}
		args = append(args, arg)
	}
	if what == "COUNT(*)" {
		return b.String(), args, nil
	}
	order := q.OrderBy
	if order == "" {
		order = "key"
	}
	if err := t.has(order); err != nil {
		return "", nil, err
	}
	direction := ""
	if q.Desc {
		direction = " DESC"
	}
	b.WriteString(" ORDER BY " + order + direction)
	if order != "key" { // equal rows come in the same order every time
		b.WriteString(", key" + direction)
	}
	if q.Limit > 0 || q.Offset > 0 {
		limit := int64(q.Limit)
		if limit <= 0 {
			limit = 1 << 62
		}
		b.WriteString(fmt.Sprintf(" LIMIT $%d OFFSET $%d", len(args)+1, len(args)+2))
		args = append(args, limit, int64(max(q.Offset, 0)))
	}
	return b.String(), args, nil
}

// update builds the statement that gives a row a new document and sets columns.
func (t *table) update(key string, doc []byte, columns []timeline.Set) (string, []any) {
	args := []any{key, text(doc)}
	var b strings.Builder
	b.WriteString("UPDATE " + t.Name + " SET doc = $2")
	for _, c := range columns {
		args = append(args, c.Value)
		b.WriteString(", " + c.Name + " = $" + strconv.Itoa(len(args)))
	}
	b.WriteString(" WHERE key = $1")
	return b.String(), args
}

func (t *table) has(column string) error {
	if column == "key" || slices.Contains(t.Columns, column) {
		return nil
	}
	return fmt.Errorf("storage: table %q has no column %q", t.Name, column)
}

// plain reduces a column's value to what every engine stores alike.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	}
	return nil, fmt.Errorf("a column holds string, int64, int or bool, not %T", v)
}
