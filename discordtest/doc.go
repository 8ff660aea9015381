// Package discordtest is Discord on loopback: what the tests and the demo talk to.
package discordtest
