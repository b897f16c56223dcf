//go:build !race

package main

const (
	leastCases  = 10_000 // hostile texts that arrive somewhere
	threadsFrom = 9      // the night from which on the server is full: rooms are threads then
	siegeIsLong = true   // long enough for each operation of Discord to be needed
)
