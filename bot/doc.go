// Package bot speaks Discord with people: commands, answers, and the one exit for errors.
package bot
