// Package music is the dictionary of what people ask for: guilds, users,
// queries, tracks, settings, and the one error a person may read. It imports
// only the standard library, nothing in it blocks, and nothing in it changes.
package music
