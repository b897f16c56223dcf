//go:build !race

package main

// deadlyStep is from one point at which the bot is killed to the next one.
const deadlyStep = 1
