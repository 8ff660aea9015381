// discord.js's voice pipeline from a file to Opus packets, as fast as it goes: an
// AudioResource is made as bots make it and read as AudioPlayer reads it, without
// its clock. Packets go to OUT, each after its length in two bytes (big endian).
//
//	node voice.mjs WAY IN OUT [FILTERS]
//
// WAY is plain (let it choose), probe (demuxProbe, as its guide has it), volume
// (inlineVolume at 80 %), filters (ffmpeg's -af, the usual way to effects), or nothing
// (what starting costs).
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createAudioResource, demuxProbe, StreamType } from '@discordjs/voice';
import prism from 'prism-media';

const [way, input, output, filters] = process.argv.slice(2);
const bitrate = 128_000;
const setComplexity = 4010; // OPUS_SET_COMPLEXITY_REQUEST
const complexity = 8; // as Segue's

async function resource() {
	switch (way) {
		case 'nothing':
			return null;
		case 'plain':
			return createAudioResource(input);
		case 'probe': {
			const { stream, type } = await demuxProbe(createReadStream(input));
			return createAudioResource(stream, { inputType: type });
		}
		case 'volume': {
			const { stream, type } = await demuxProbe(createReadStream(input));
			const made = createAudioResource(stream, { inputType: type, inlineVolume: true });
			made.volume.setVolume(0.8);
			return made;
		}
		case 'filters': {
			const args = ['-analyzeduration', '0', '-loglevel', '0', '-i', input, '-af', filters, '-f', 's16le', '-ar', '48000', '-ac', '2'];
			return createAudioResource(new prism.FFmpeg({ args }), { inputType: StreamType.Raw });
		}
	}
	throw new Error(`no way is called ${way}`);
}

// So many players at rest, each with its first packets ready, until stdin ends.
const players = Number(process.env.PLAYERS ?? 0);
if (players > 0) {
	const all = [];
	for (let i = 0; i < players; i++) all.push(await resource());
	await Promise.all(all.map(({ playStream }) => playStream.readableLength > 0 || once(playStream, 'readable')));
	console.log('ready');
	process.stdin.resume();
	await once(process.stdin, 'end');
	process.exit(0);
}

const made = await resource();
if (made === null) process.exit(0);
if (made.encoder) {
	made.encoder.setBitrate(bitrate);
	const inner = made.encoder.encoder;
	(inner.applyEncoderCTL ?? inner.encoderCTL).call(inner, setComplexity, complexity);
}
const out = createWriteStream(output);
const { playStream } = made;
let wake = () => {};
for (const event of ['readable', 'end', 'close']) playStream.on(event, () => wake());
playStream.on('error', (error) => { throw error; });
const size = Buffer.alloc(2);
let packets = 0;
while (!playStream.readableEnded && !playStream.destroyed) {
	const packet = playStream.read();
	if (packet === null) {
		if (playStream.readableEnded || playStream.destroyed) break;
		await new Promise((resolve) => (wake = resolve));
		continue;
	}
	packets++;
	size.writeUInt16BE(packet.length);
	out.write(Buffer.concat([size, packet]));
}
out.end();
await once(out, 'finish');
console.log(JSON.stringify({ packets, edges: made.edges.map((edge) => edge.type) }));
