// A bot as other people write them: discord.js, @discordjs/voice and davey.
// It takes its orders and tells what it hears as JSON, a line each: orders on
// standard input, reports on standard output. The first order is the setting.
//
//   setting  {api, token, guild, channel, listen}                 a bot that logs in
//            {call: {endpoint, token, session, user}, guild, …}   voice alone
//   orders   {say: [base64, …]}   {leave: true}
//   reports  {at: "ready" | "voice" | "dave" | "heard" | "said" | "state" | "error", …}

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import {
  AudioPlayerStatus, EndBehaviorType, NoSubscriberBehavior, StreamType, VoiceConnectionStatus,
  createAudioPlayer, createAudioResource, entersState, joinVoiceChannel,
} from '@discordjs/voice';
import { Client, Events, GatewayIntentBits } from 'discord.js';
import OpusScript from 'opusscript';

const patience = 20_000; // ms
const report = (at, more = {}) => process.stdout.write(JSON.stringify({ at, ...more }) + '\n');

process.on('uncaughtException', (e) => { report('error', { text: e.stack ?? String(e) }); process.exit(1); });
process.on('unhandledRejection', (e) => { report('error', { text: e?.stack ?? String(e) }); process.exit(1); });

/** Stands in for discord.js where there is a voice server only. */
function adapter(setting) {
  const { endpoint, token, session, user } = setting.call;
  return (methods) => ({
    sendPayload(payload) {
      if (payload.d.channel_id) {
        queueMicrotask(() => {
          methods.onVoiceStateUpdate({ user_id: user, session_id: session, guild_id: setting.guild, channel_id: setting.channel });
          methods.onVoiceServerUpdate({ token, guild_id: setting.guild, endpoint });
        });
      }
      return true;
    },
    destroy() {},
  });
}

async function login(setting) {
  const client = new Client({
    intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates],
    rest: { api: setting.api, version: '10' },
  });
  client.on(Events.Error, (e) => report('error', { text: String(e) }));
  await client.login(setting.token);
  if (!client.isReady()) await new Promise((done) => client.once(Events.ClientReady, done));
  const guild = await client.guilds.fetch(setting.guild);
  report('ready', { user: client.user.id, name: client.user.username, guilds: client.guilds.cache.size, guild: guild.name });
  return { client, creator: guild.voiceAdapterCreator };
}

/** Waits until the call is end-to-end encrypted, and tells. */
async function sealed(connection) {
  const end = Date.now() + patience;
  for (;;) {
    const dave = connection.state.networking?.state?.dave;
    if (dave?.protocolVersion === 1 && dave.session?.ready && connection.voicePrivacyCode) {
      report('dave', { version: dave.protocolVersion, code: connection.voicePrivacyCode });
      return;
    }
    if (Date.now() > end) throw new Error('no end-to-end encryption');
    await wait(10);
  }
}

function listen(connection, user) {
  const decoder = new OpusScript(48_000, 2, OpusScript.Application.AUDIO);
  const stream = connection.receiver.subscribe(user, { end: { behavior: EndBehaviorType.Manual } });
  stream.on('data', (opus) => {
    let samples = -1; // not Opus
    try {
      samples = decoder.decode(opus).length / 4;
    } catch {}
    report('heard', { opus: opus.toString('base64'), samples });
  });
  stream.on('error', (e) => report('error', { text: String(e) }));
}

async function say(connection, player, frames) {
  await sealed(connection);
  const packets = frames.map((f) => Buffer.from(f, 'base64'));
  player.play(createAudioResource(Readable.from(packets, { objectMode: true }), { inputType: StreamType.Opus }));
  await entersState(player, AudioPlayerStatus.Playing, patience);
  await entersState(player, AudioPlayerStatus.Idle, patience);
  report('said', { frames: packets.length });
}

const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const setting = JSON.parse((await orders.next()).value);
const { client, creator } = setting.call ? { creator: adapter(setting) } : await login(setting);

const connection = joinVoiceChannel({
  guildId: setting.guild, channelId: setting.channel, adapterCreator: creator, selfDeaf: false, selfMute: false,
});
connection.on('stateChange', (_, now) => report('state', { status: now.status }));
connection.on('error', (e) => report('error', { text: String(e) }));
const player = createAudioPlayer({ behaviors: { noSubscriber: NoSubscriberBehavior.Play } });
player.on('error', (e) => report('error', { text: String(e) }));
connection.subscribe(player);
await entersState(connection, VoiceConnectionStatus.Ready, patience);
listen(connection, setting.listen);
report('voice', { mode: connection.state.networking.state.connectionData.encryptionMode });
await sealed(connection);

for await (const line of orders) {
  const order = JSON.parse(line);
  if (order.say) await say(connection, player, order.say);
  if (order.leave) break;
}
connection.destroy();
await client?.destroy();
await wait(100); // for the voice server to hear of it
process.exit(0);
