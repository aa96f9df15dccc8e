/**
 * Sends what no client would: seeded garbage, mutated and repeated datagrams, garbage and cut-off handshakes over TCP.
 * Arguments: LINK INDEX OWN-ADDRESS SERVER-ADDRESS DATAGRAMS KEY-FILE. With the key, so that mutations come close to
 * the real thing.
 */
import { formatDiscovery, importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { deriveKeys } from "../../lib/protocol/keys.ts";
import { startClientHandshake } from "../../lib/protocol/secure_channel.ts";
import { openDatagramLink } from "../../lib/net/datagram_link.ts";
import { connectStream } from "../../lib/net/stream.ts";

const [link = "", index = "", address = "", server = "", count = "", keyPath = ""] = Deno.args;
const keys = await deriveKeys(await Deno.readFile(keyPath));
const discoveryKey = await importDiscoveryKey(keys.discoveryKey);

/** xorshift32 (Marsaglia 2003): the same bytes in every run. */
let seed = 0x5741f1e5;
function random(below: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % below;
}
const randomBytes = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, () => random(256));

const replayed = await formatDiscovery({ kind: "discover", clientNonce: randomBytes(16) }, discoveryKey);

async function datagram(): Promise<Uint8Array<ArrayBuffer>> {
  switch (random(5)) {
    case 0:
      return randomBytes(random(1400));
    case 1:
      return replayed;
    case 2:
      return await formatDiscovery(
        { kind: "claim", clientNonce: randomBytes(16), challenge: randomBytes(16), name: "attacker" },
        discoveryKey,
      );
    default: {
      const mutated = replayed.slice(0, random(10) === 0 ? random(128) : 128);
      for (let changes = random(4); changes >= 0; changes--) mutated[random(mutated.length)] = random(256);
      return mutated;
    }
  }
}

using datagrams = await openDatagramLink({ link, index: Number(index), address, port: 0 });
let replies = 0;
const counting = (async () => {
  while (await datagrams.receive() !== undefined) replies++;
})();
for (let sent = 0; sent < Number(count); sent++) {
  const to = { address: random(2) === 0 ? "ff02::1" : server, port: 61570 };
  await datagrams.send(await datagram(), to).catch(() => {}); // the queue of the link may be full
}

async function opening(kind: number): Promise<Uint8Array> {
  const real = (await startClientHandshake({ psk: keys.bootPsk })).opening;
  switch (kind) {
    case 0:
      return randomBytes(1 + random(70_000));
    case 1:
      return real.subarray(0, random(real.length));
    case 2: {
      const mutated = real.slice();
      mutated[random(mutated.length)] = random(256);
      return mutated;
    }
    case 3:
      return new Uint8Array([...real, ...randomBytes(random(70_000))]);
    case 4:
      return new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    default:
      return (await startClientHandshake({ psk: randomBytes(32) })).opening;
  }
}

/** One hello that is cut off, garbage, or nothing at all; the server closes each in the end. */
async function attack(port: number, bytes: Uint8Array): Promise<void> {
  try {
    using stream = await connectStream({ host: `${server}%${link}`, port, idleTimeoutMs: 2_000 });
    await stream.write(bytes);
    await stream.closeWrite();
    while (await stream.read() !== undefined);
  } catch {
    // Being thrown out is what we are here for.
  }
}

for (let round = 0; round < 300; round++) {
  await attack(
    round % 10 === 0 ? 4645 : 4644,
    round % 10 === 0 ? randomBytes(random(20_000)) : await opening(round % 6),
  );
}
// All places taken by connections that say nothing: they are closed when their time is over.
const silent = await Promise.all(
  Array.from({ length: 40 }, () => connectStream({ host: `${server}%${link}`, port: 4644 }).catch(() => undefined)),
);
for (const stream of silent) stream?.close();
datagrams.close();
await counting;
console.log(`done replies=${replies}`);
