// The floor: libopus alone. Decodes the packets of an Ogg Opus file, encodes each
// frame again, and writes them as voice.mjs does: a length of two bytes (big endian),
// then the packet.
//
//	floor IN OUT COMPLEXITY
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static OpusDecoder *decoder;
static OpusEncoder *encoder;
static FILE *out;
static long skip = 2; // the headers

static void fail(const char *what) {
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

static void packet(const unsigned char *data, int size) {
	static float pcm[5760 * 2];
	static unsigned char coded[4000];
	if (skip > 0) {
		skip--;
		return;
	}
	if (opus_decode_float(decoder, data, size, pcm, 5760, 0) != 960) fail("not a frame of 20 ms");
	int n = opus_encode_float(encoder, pcm, 960, coded, sizeof coded);
	if (n < 0) fail(opus_strerror(n));
	fputc(n >> 8, out), fputc(n & 255, out), fwrite(coded, 1, n, out);
}

int main(int argc, char **argv) {
	if (argc != 4) fail("floor IN OUT COMPLEXITY");
	FILE *in = fopen(argv[1], "rb");
	out = fopen(argv[2], "wb");
	if (!in || !out) fail("cannot open");
	decoder = opus_decoder_create(48000, 2, NULL);
	encoder = opus_encoder_create(48000, 2, OPUS_APPLICATION_AUDIO, NULL);
	opus_encoder_ctl(encoder, OPUS_SET_BITRATE(128000));
	opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(atoi(argv[3])));
	opus_encoder_ctl(encoder, OPUS_SET_VBR_CONSTRAINT(0));
	opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC));
	static unsigned char whole[1 << 17], page[1 << 16];
	unsigned char head[27], lacing[255];
	int have = 0;
	while (fread(head, 1, 27, in) == 27 && !memcmp(head, "OggS", 4)) {
		if (fread(lacing, 1, head[26], in) != head[26]) fail("cut short");
		unsigned char *at = page;
		int size = 0;
		for (int i = 0; i < head[26]; i++) size += lacing[i];
		if (fread(page, 1, size, in) != (size_t)size) fail("cut short");
		for (int i = 0; i < head[26]; i++) {
			if (have + lacing[i] > (int)sizeof whole) fail("too large a packet");
			memcpy(whole + have, at, lacing[i]);
			have += lacing[i], at += lacing[i];
			if (lacing[i] < 255) packet(whole, have), have = 0;
		}
	}
	printf("%s\n", opus_get_version_string());
	return fclose(out);
}
