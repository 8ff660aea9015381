package listener

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"segue/audio"
)

const (
	tick      = 20 * time.Millisecond
	tailCount = 5 // silence frames that end speech
)

// Speak says Opus frames of 20 ms, one each 20 ms, then five frames of silence.
// It waits for the end-to-end encryption to be ready first, and returns when
// all is said. It does not keep frames.
func (l *Listener) Speak(ctx context.Context, frames [][]byte) error {
	l.speak.Lock()
	defer l.speak.Unlock()
	ssrc := l.SSRC()
	if err := l.send(5, map[string]any{"speaking": 1, "delay": 0, "ssrc": ssrc}); err != nil {
		return fmt.Errorf("listener: speak: %w", err)
	}
	beat := time.NewTicker(tick)
	defer beat.Stop()
	for i := 0; i < len(frames)+tailCount; {
		select {
		case <-beat.C:
		case <-l.done:
			return fmt.Errorf("listener: speak: %w", l.Err())
		case <-ctx.Done():
			return fmt.Errorf("listener: speak: %w", context.Cause(ctx))
		}
		if !l.dave.Ready() {
			continue
		}
		frame := silence
		if i < len(frames) {
			frame = frames[i]
		}
		if err := l.say(frame); err != nil {
			return fmt.Errorf("listener: speak: %w", err)
		}
		i++
	}
	if err := l.send(5, map[string]any{"speaking": 0, "delay": 0, "ssrc": ssrc}); err != nil {
		return fmt.Errorf("listener: speak: %w", err)
	}
	return nil
}

// say sends one frame.
func (l *Listener) say(frame []byte) error {
	out := make([]byte, l.dave.MaxEncryptedFrameSize(len(frame)))
	n, err := l.dave.Encrypt(l.SSRC(), frame, out)
	if err != nil {
		return err
	}
	l.mu.Lock()
	header := []byte{0x80, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(header[2:], uint16(l.said))
	binary.BigEndian.PutUint32(header[4:], l.said*audio.FrameSamples)
	binary.BigEndian.PutUint32(header[8:], l.ssrc)
	l.said++
	packet := l.seal.close(header, out[:n])
	l.mu.Unlock()
	_, err = l.udp.Write(packet)
	return err
}
