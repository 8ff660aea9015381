// Package pipeline plays one track: packets in, 20 ms Opus frames out.
//
// A Stream makes frames in one of two modes. In Passthrough each packet of the
// source is the frame. In Transcode it is decoded, brought to 48 kHz, changed as
// the settings want, and encoded. Between the two there is no seam to hear:
// before the first transcoded frame decoder and encoder live through the 160 ms
// the listener has already heard, the encoder's lookahead is compensated, so that
// frames and packets stay aligned to the sample, and four unchanged frames are
// encoded before the source's packets take over again.
//
// A Pump runs a Stream in two goroutines: one keeps seconds of packets, the
// other two frames. So what is wanted of the sound is heard within 60 ms, and
// nothing has to be taken back.
package pipeline
