// Package effect has the settings of what may be done to sound; the effects
// themselves come later.
package effect
