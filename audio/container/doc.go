// Package container opens bytes and yields packets: it guesses the format by content and picks the demuxer.
package container
