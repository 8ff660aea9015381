// Package discordtest is Discord on loopback: REST v10, the gateway v10 and
// interactions, with people as objects who type, click, join calls and listen.
//
// It is strict on purpose: what the real Discord refuses, it refuses the same
// way, and what the real Discord silently ignores but is surely a mistake (a
// misspelt field, an interaction left unanswered) it remembers as a violation.
// [New] is for tests and fails them on violations; [Start] is for programs.
//
// docs/discordtest.md lists what it holds a client to, and the test for each.
//
// Time passes as on the wall; [Discord.Passes] makes it pass faster, for the
// three-second rule, the fifteen-minute tokens and the rate-limit windows.
package discordtest
