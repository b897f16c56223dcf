// Package commands holds what a person can ask for: one file per slash command,
// each with its declarations, the narrow interface it needs and its handlers.
package commands

import "wardroom/bot/command"

// All composes every command into one table, `/help` with it. It fails when two
// lists declare the same path or a declaration cannot be served.
func All(lists ...[]command.Command) (*command.Table, error) {
	var t *command.Table
	table, err := command.NewTable(append(lists, Help(func() *command.Table { return t }))...)
	t = table
	return table, err
}
