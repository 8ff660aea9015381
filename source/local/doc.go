// Package local plays files below one folder.
package local
