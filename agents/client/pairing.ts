/**
 * A desktop that was started without the shared key, as one over the network is: it looks for a laptop that shows a
 * code, and gets the key for what its user types (doc/protocol.md, "Pairing").
 */
import { describeError, ProtocolError, UserError } from "../../lib/errors.ts";
import { AGENT_KEY_PATH } from "../../lib/formats/agent_settings.ts";
import { withScope } from "../../lib/net/address.ts";
import { type ByteStream, connectStream } from "../../lib/net/stream.ts";
import { importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { DiscoverySearch } from "../../lib/protocol/discovery_search.ts";
import { formatFrame } from "../../lib/protocol/frames.ts";
import { SHARED_KEY_BYTES } from "../../lib/protocol/keys.ts";
import {
  formatPairingOpening,
  PAIRING_FRAME_MAX_BYTES,
  PAIRING_PORT,
  type PairingGreeting,
  PairingStatus,
  parsePairingGreeting,
  startPairing,
} from "../../lib/protocol/pairing.ts";
import { parsePairingCode, stretchPairingCode } from "../../lib/protocol/pairing_code.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, NoTerminal } from "../shared/console.ts";
import { FrameSource } from "../shared/frame_source.ts";
import { runOnLinks, type UsableLink } from "../shared/links.ts";
import { askOnLink } from "./ask_on_link.ts";

export interface PairingOptions {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
}

type OpenGreeting = Extract<PairingGreeting, { readonly status: typeof PairingStatus.ok }>;

/** A laptop that shows a code. */
interface PairingLaptop {
  /** With the scope of the link. */
  readonly host: string;
  readonly greeting: OpenGreeting;
}

const frameTimeoutMs = 10_000;
/** The laptop takes a code no longer than that. */
const typeTimeoutMs = 10 * 60_000;

/** In memory like everything here: the key is there until this desktop restarts, also for an agent after us. */
const pairedKeyName = "paired-key";

/**
 * The image's own key, else one that a laptop has given.
 * @returns where it is
 * @throws {UserError} where no person can type; the signal's reason when it aborts
 */
export async function obtainKey(workDirectory: string, options: PairingOptions): Promise<string> {
  const { system } = options;
  const pairedPath = `${workDirectory}/${pairedKeyName}`;
  for (const path of [AGENT_KEY_PATH, pairedPath]) {
    if (await system.stat(path) !== undefined) return path;
  }
  const key = await pair(options);
  await system.makeDirectory(workDirectory);
  await system.writeFile(pairedPath, key, { mode: 0o600 });
  options.console.say("The laptop has given its key to this desktop, until it restarts");
  return pairedPath;
}

async function pair(options: PairingOptions): Promise<Uint8Array> {
  const { system, console, signal } = options;
  console.say("This desktop was started without the shared key: it looks for a laptop that shows a code");
  for (;;) {
    const laptop = await findLaptop(options);
    try {
      return await askAndTry(laptop, options);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UserError) throw error;
      console.say(`No key yet: ${describeError(error)}`);
      await system.delay(1_000, signal);
    }
  }
}

async function askAndTry({ host, greeting }: PairingLaptop, options: PairingOptions): Promise<Uint8Array> {
  const code = await askForCode(greeting, options);
  options.console.say("Trying the code");
  const psk = await stretchPairingCode(code, greeting.salt);
  using stream = await connectStream({ host, port: PAIRING_PORT, signal: options.signal });
  const { frames, greeting: now } = await readGreeting(stream);
  if (now.status !== PairingStatus.ok || now.salt.toHex() !== greeting.salt.toHex()) {
    throw new ProtocolError("refused", "The laptop shows another code by now");
  }
  const handshake = await startPairing({ psk, salt: greeting.salt });
  await stream.write(formatFrame(handshake.message));
  const answer = await frames.next(frameTimeoutMs);
  if (answer === undefined) throw new ProtocolError("truncated", "The laptop closed the connection");
  const key = await handshake.finish(new Uint8Array(answer));
  if (key.length !== SHARED_KEY_BYTES) throw new ProtocolError("malformed", "The laptop sent no key");
  return key;
}

async function askForCode(
  { name, triesLeft }: OpenGreeting,
  { console, signal }: PairingOptions,
): Promise<string> {
  const tries = triesLeft === 1 ? "one try" : `${triesLeft} tries`;
  console.say(`The laptop "${name}" shows a code, as in ABCD-EFGH-JKMN. Type it here (${tries}):`);
  const until = AbortSignal.any([signal, AbortSignal.timeout(typeTimeoutMs)]);
  for (;;) {
    const typed = await console.askLine("Code: ", until, () => {}).catch((error) => {
      if (!(error instanceof NoTerminal)) throw error;
      throw new UserError("This image has no shared key, and there is no terminal to type a code on", {
        hints: ["Start from a stick, which has the key"],
      });
    });
    const code = parsePairingCode(typed);
    if (code !== undefined) return code;
    if (typed.trim() !== "") console.say("A code has twelve letters and digits");
  }
}

/** Asks on every link until a laptop shows a code. */
async function findLaptop({ system, console, signal }: PairingOptions): Promise<PairingLaptop> {
  const found = Promise.withResolvers<PairingLaptop>();
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  // Any key will do: every server answers that it has another one.
  const discoveryKey = await importDiscoveryKey(system.randomBytes(SHARED_KEY_BYTES));
  const search = new DiscoverySearch({ discoveryKey, random: (size) => system.randomBytes(size) });
  const asking = new Set<string>();

  async function greet(host: string, linkSignal: AbortSignal): Promise<void> {
    if (asking.has(host)) return;
    asking.add(host);
    try {
      using stream = await connectStream({ host, port: PAIRING_PORT, signal: linkSignal, timeoutMs: 5_000 });
      const { greeting } = await readGreeting(stream);
      if (greeting.status === PairingStatus.ok) return found.resolve({ host, greeting });
      if (greeting.status === PairingStatus.over) {
        console.sayRarely("A laptop answers, but takes no code any more: C there makes a new one");
      }
    } catch (error) {
      // Refused: one that serves sticks only.
      if (error instanceof ProtocolError) console.sayRarely(`A laptop answers: ${error.message}`, error.code);
    } finally {
      asking.delete(host);
    }
  }

  const work = (link: UsableLink, linkSignal: AbortSignal): Promise<void> =>
    askOnLink(system, link, {
      signal: linkSignal,
      formatRound: async () => [await search.formatQuestion()],
      onAnswer: async ({ bytes, address }) => {
        const { kind } = await search.receive(bytes);
        if (kind === "other-key") void greet(withScope(address, link.name), linkSignal);
      },
    });

  const onAbort = (): void => found.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const running = runOnLinks({ system, console, signal: stop, work });
  try {
    signal.throwIfAborted();
    return await found.promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    over.abort();
    await running;
  }
}

async function readGreeting(
  stream: ByteStream,
): Promise<{ readonly frames: FrameSource; readonly greeting: PairingGreeting }> {
  await stream.write(formatFrame(formatPairingOpening()));
  const frames = new FrameSource(stream);
  frames.expectSealedFrames(PAIRING_FRAME_MAX_BYTES);
  const body = await frames.next(frameTimeoutMs);
  if (body === undefined) throw new ProtocolError("truncated", "The laptop closed the connection");
  return { frames, greeting: parsePairingGreeting(new Uint8Array(body)) };
}
