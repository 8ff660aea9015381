// Package httpfile plays files and streams from http(s) addresses, behind a guard.
package httpfile
