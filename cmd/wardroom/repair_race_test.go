//go:build race

package main

// deadlyStep is from one point at which the bot is killed to the next one. A process
// takes six times as long under the race detector: there it is a sample, another one in
// each night, and .ci/run kills at every point without it.
const deadlyStep = 20
