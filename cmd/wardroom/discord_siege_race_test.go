//go:build race

package main

// A siege takes six times as long under the race detector, which looks for something
// else: fewer texts find that. .ci/run sends all of them without it.
const (
	leastCases  = 2_000 // hostile texts that arrive somewhere
	threadsFrom = 2     // the night from which on the server is full: rooms are threads then
	siegeIsLong = false // long enough for each operation of Discord to be needed
)
