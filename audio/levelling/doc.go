// Package levelling decides by how much a piece is made louder or softer, so that
// music from everywhere is about as loud.
//
// What is known of a piece are Levels: what a meter of ours measured when it was
// played before, what the file's tags say of it or of its album (ReplayGain 2.0,
// R128), what the place it is from says (YouTube's loudnessDb). The first of these
// that is told, and can be true, counts:
//
//	a measurement, the album (if Rules ask for it: then it comes first), the
//	track, the service
//
// because a meter of ours heard these very samples, while tags may be older than
// the file and a service measures another encoding. Then, in dB:
//
//	wanted = Target - LUFS
//	most   = min(MaxBoost, -1 + MaxLimiting - Peak)     Peak in dBTP, 0 if not told
//	DB     = min(wanted, max(most, 0))
//
// -1 dBTP is the limiter's ceiling: DB never asks it to take more than MaxLimiting
// from the highest peak. Softer is always possible. Whoever applies DB above 0 puts a
// limiter behind it.
//
// Mode Auto leaves alone what is within Tolerance of the target, and what could be
// bettered by less than 1 dB: DB is then exactly 0, so that packets may pass as they
// are. What is outside is brought to the target itself, not to the edge.
//
// # Why a piece that nothing is known of keeps its level
//
// A Tracker measures while it plays, but proposes nothing until the next time. How
// loud a piece is, is known when it has been heard: quiet beginnings are common, and
// a gain that follows them makes them louder only to take that back, which is heard,
// as the difference between two pieces after a pause hardly is. It would also end
// passthrough, for a guess. So there is one decision for a piece, when it begins. When
// somebody changes the rules meanwhile, the new gain is slid to as a volume is.
//
// Sources: ITU-R BS.1770-4 (LUFS), EBU R 128 s2 (streams and -1 dBTP), AES TD1008
// (levels for streaming), ReplayGain 2.0 (-18 LUFS), RFC 7845, 5.2.1 (R128 tags).
package levelling
