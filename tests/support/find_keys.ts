/**
 * WireGuard's keys in a dump of a machine's memory. While a session is on they are found beside the public ones, as the
 * kernel's structures have them; afterwards no copy may be left.
 */

import { Buffer } from "node:buffer";
import { importKeyPair, KEY_BYTES } from "../../lib/protocol/primitives.ts";

/** A file is read in pieces; what lies across two of them is found, too. */
const pieceBytes = 64 * 1024 * 1024;
const overlapBytes = 256;

/** Calls `look` with each piece of a file, and the place where it begins. */
async function readPieces(path: string, look: (piece: Buffer, start: number) => Promise<void> | void): Promise<void> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  for (let start = 0; start < size; start += pieceBytes - overlapBytes) {
    await file.seek(start, Deno.SeekMode.Start);
    const piece = Buffer.alloc(Math.min(pieceBytes, size - start));
    for (let done = 0; done < piece.length;) done += await file.read(piece.subarray(done)) ?? piece.length;
    await look(piece, start);
  }
}

function* findAll(piece: Buffer, wanted: Uint8Array): Generator<number> {
  for (let at = piece.indexOf(wanted); at >= 0; at = piece.indexOf(wanted, at + 1)) yield at;
}

/**
 * The private key that belongs to a public one: `struct noise_static_identity` (drivers/net/wireguard/noise.h) has it
 * behind it.
 */
export async function findPrivateKey(path: string, publicKey: Uint8Array): Promise<Uint8Array | undefined> {
  let found: Uint8Array | undefined;
  await readPieces(path, async (piece) => {
    for (const at of findAll(piece, publicKey)) {
      for (const place of [at + KEY_BYTES, at - KEY_BYTES]) {
        if (found !== undefined || place < 0 || place + KEY_BYTES > piece.length) continue;
        const candidate = new Uint8Array(piece.subarray(place, place + KEY_BYTES));
        const pair = await importKeyPair(candidate);
        if (Buffer.compare(pair.publicKey, publicKey) === 0) found = candidate;
      }
    }
  });
  return found;
}

/** `struct noise_handshake`: remote_static, remote_ephemeral, precomputed_static_static, preshared_key. */
const presharedAfterStatic = 3 * KEY_BYTES;

/** What may be the pre-shared key of a peer: whatever lies where it would be. In hex. */
export async function findPresharedKeys(path: string, peerPublicKey: Uint8Array): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  await readPieces(path, (piece) => {
    for (const at of findAll(piece, peerPublicKey)) {
      const place = at + presharedAfterStatic;
      const candidate = piece.subarray(place, place + KEY_BYTES);
      if (candidate.length === KEY_BYTES && new Set(candidate).size > KEY_BYTES / 2) {
        found.add(candidate.toString("hex"));
      }
    }
  });
  return found;
}

/**
 * Where a key is in a dump: as it is, in base64 and in hex. Its first and last bits are not looked at, because
 * WireGuard changes them in a private key (RFC 7748 section 5).
 */
export async function findCopies(path: string, key: Uint8Array): Promise<readonly string[]> {
  const forms = [
    { name: "raw", bytes: key.subarray(1, -1) },
    { name: "base64", bytes: Buffer.from(key.toBase64().slice(4, -4)) },
    { name: "hex", bytes: Buffer.from(key.toHex().slice(2, -2)) },
  ];
  const copies = new Set<string>();
  await readPieces(path, (piece, start) => {
    for (const { name, bytes } of forms) {
      for (const at of findAll(piece, bytes)) copies.add(`${name} at 0x${(start + at).toString(16)}`);
    }
  });
  return [...copies];
}
