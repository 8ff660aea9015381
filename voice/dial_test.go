package voice

import (
	"testing"

	"segue/discordtest/voiceserver"
)

func TestJoinsAndIsHeardWithBothCiphers(t *testing.T) {
	for _, mode := range []string{voiceserver.ModeAES256GCM, voiceserver.ModeXChaCha20} {
		t.Run(mode, func(t *testing.T) {
			s := newStage(t, voiceserver.Options{Modes: []string{mode, "xsalsa20_poly1305"}})
			s.dial(alice)
			b := s.dial(bot)
			b.Play(newTape(-1, 160))
			s.heard(bot, 20)
			m := s.room().State().Member(uint64(bot))
			if m.Mode != mode || m.Plain != 0 || !m.Sealed {
				t.Errorf("member is %+v", m)
			}
			if st := b.Stats(); st.Epoch == 0 || st.Sent < 20 || st.Bytes < 20*160 {
				t.Errorf("stats are %+v", st)
			}
		})
	}
}
