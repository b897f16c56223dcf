package spec

import (
	"maps"
	"slices"
)

// Used are the operations that this product sends. A test that drives the bot or the
// simulated Discord can ask that its checker covered them all:
//
//	missing := spec.Missing(checker.Covered(), spec.Used)
var Used = []string{
	"bulk_set_guild_application_commands",
	"create_guild_channel",
	"create_interaction_response",
	"create_message",
	"create_pin",
	"create_thread",
	"delete_message",
	"delete_pin",
	"execute_webhook",
	"get_active_guild_threads",
	"get_bot_gateway",
	"get_channel",
	"get_guild",
	"get_guild_member",
	"get_message",
	"get_my_user",
	"list_guild_application_commands",
	"list_guild_channels",
	"list_guild_roles",
	"list_messages",
	"list_pins",
	"update_channel",
	"update_message",
	"update_original_webhook_message",
}

// Missing are the wanted operations that were not covered, in the order of want.
func Missing(covered, want []string) []string {
	has := map[string]bool{}
	for _, id := range covered {
		has[id] = true
	}
	var missing []string
	for _, id := range want {
		if !has[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// Path is where an operation stands.
type Path struct {
	ID, Method, Path string // Path as the document writes it, with {names}
}

// Paths are all operations that the document knows, by id. The error of loading the
// document is New's; then there are none.
func Paths() []Path {
	doc, err := load()
	if err != nil {
		return nil
	}
	var paths []Path
	for _, id := range slices.Sorted(maps.Keys(doc.operations)) {
		op := doc.operations[id]
		paths = append(paths, Path{op.ID, op.Method, op.Path})
	}
	return paths
}
