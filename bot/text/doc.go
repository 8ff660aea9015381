// Package text holds every sentence a person may read.
package text
