// Package codec picks the decoder for a CodecInfo.
package codec
