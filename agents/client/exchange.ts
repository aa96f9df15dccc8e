/**
 * Drives the client's session over one connection: bytes to events, actions to deeds. What follows what is decided in
 * lib/protocol.
 */
import { findDesktopPrograms } from "../../lib/export/desktop_programs.ts";
import { formatDesktopEnd } from "../../lib/export/tunnel/plan_tunnel.ts";
import type { SessionParcel } from "../../lib/protocol/session.ts";
import { checkMemory } from "../../lib/boot/kexec.ts";
import { KEYMAP_NAME_PATH } from "../../lib/formats/agent_settings.ts";
import { toPrintable } from "../../lib/formats/text.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import {
  type ArchiveMessage,
  formatClientMessage,
  type HelloMessage,
  measureArchive,
  parseServerPlaintext,
  type WelcomeMessage,
} from "../../lib/protocol/boot_exchange.ts";
import {
  CLIENT_WAIT_MS,
  type ClientAction,
  type ClientEvent,
  type ClientState,
  startClientSession,
  stepClientSession,
} from "../../lib/protocol/client_session.ts";
import { FRAME_BODY_MAX_BYTES } from "../../lib/protocol/frames.ts";
import { type SecureChannel, startClientHandshake } from "../../lib/protocol/secure_channel.ts";
import type { SessionFailure } from "../../lib/protocol/session_failure.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, formatTransfer, formatTransferred } from "../shared/console.ts";
import { eventOfConnectionError, eventOfLocalError } from "../shared/exchange_events.ts";
import { FrameSource } from "../shared/frame_source.ts";
import { type StagedArchive, Staging } from "./staging.ts";

export interface ExchangeOptions {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
  readonly bootPsk: Uint8Array;
  readonly hello: HelloMessage;
  /** Of our end of a tunnel, secret; its public key is in the hello. */
  readonly privateKey: Uint8Array;
  /** Where kernel and initramfs are put. */
  readonly directory: string;
  /** Looks at what the laptop says before this desktop goes on. @throws where it does not */
  readonly review: (said: WelcomeMessage | ArchiveMessage) => Promise<void>;
  /**
   * Everything is there: loads it, before the server hears that all is well. A desktop that cannot start it must not
   * keep the disk.
   */
  readonly load: (fetched: FetchedArchive) => Promise<void>;
}

export interface FetchedArchive {
  readonly archive: ArchiveMessage;
  readonly staged: StagedArchive;
}

/** The exchange ended without something to boot. */
export class ExchangeFailed extends Error {
  override readonly name = "ExchangeFailed";
  readonly failure: SessionFailure;

  /** @param cause what went wrong on this machine, if it did */
  constructor(failure: SessionFailure, cause?: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** How long the server may take for its part of the handshake. */
const handshakeTimeoutMs = 15_000;

/**
 * Fetches what the server has to boot, and loads it. When it returns, the server exports the disk to us.
 * @throws {ExchangeFailed}; {ProtocolError} when the handshake fails, "wrong-key" among them; errors of the connection
 */
export async function fetchArchive(stream: ByteStream, options: ExchangeOptions): Promise<FetchedArchive> {
  const frames = new FrameSource(stream);
  const handshake = await startClientHandshake({ psk: options.bootPsk });
  await stream.write(handshake.opening);
  const reply = await frames.next(handshakeTimeoutMs);
  if (reply === undefined) throw new Error("The server closed the connection at once");
  const channel = await handshake.finish(reply);
  frames.expectSealedFrames(FRAME_BODY_MAX_BYTES);
  await using exchange = new Exchange(stream, frames, channel, options);
  return await exchange.run();
}

class Exchange implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #frames: FrameSource;
  readonly #channel: SecureChannel;
  readonly #options: ExchangeOptions;
  #staging: Staging | undefined;
  #localError: unknown;
  #receivedBytes = 0;
  #totalBytes = 0;
  #startMs = 0;

  constructor(stream: ByteStream, frames: FrameSource, channel: SecureChannel, options: ExchangeOptions) {
    this.#stream = stream;
    this.#frames = frames;
    this.#channel = channel;
    this.#options = options;
  }

  async run(): Promise<FetchedArchive> {
    let { state, actions } = startClientSession(this.#options.hello);
    for (;;) {
      const answer = await this.#carryOutAll(actions);
      if (state.name === "failed") throw new ExchangeFailed(state.failure, this.#localError);
      if (state.name === "booting") return this.#fetched(state.archive);
      ({ state, actions } = stepClientSession(state, answer ?? await this.#nextEvent(state)));
    }
  }

  #fetched(archive: ArchiveMessage): FetchedArchive {
    if (this.#staging === undefined) throw new TypeError("The session ended without an archive");
    return { archive, staged: this.#staging.keep() };
  }

  /** @returns the event an action led to, if any */
  async #carryOutAll(actions: readonly ClientAction[]): Promise<ClientEvent | undefined> {
    let answer: ClientEvent | undefined;
    for (const action of actions) {
      answer = await this.#carryOut(action);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  async #carryOut(action: ClientAction): Promise<ClientEvent | undefined> {
    if (action.kind === "send") {
      const frame = await this.#channel.seal(formatClientMessage(action.message));
      return await this.#stream.write(frame).then(() => undefined, eventOfConnectionError);
    }
    try {
      return await this.#carryOutHere(action);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#localError = error;
      return eventOfLocalError(error);
    }
  }

  async #carryOutHere(action: Exclude<ClientAction, { kind: "send" }>): Promise<ClientEvent | undefined> {
    const { system, console, load } = this.#options;
    switch (action.kind) {
      case "review":
        await this.#options.review(action.welcome);
        return { kind: "reviewed" };
      case "ask-passphrase":
        return await this.#askPassphrase(action);
      case "prepare":
        return await this.#prepare(action.archive);
      case "store":
        this.#showProgress(action.bytes.length);
        await this.#staging?.store(action.part, action.bytes); // whose the bytes are from here on
        return undefined;
      case "finish":
        if (this.#staging === undefined) throw new TypeError("Nothing was stored");
        console.say(`Fetched ${formatTransferred(this.#totalBytes, system.monotonicMs() - this.#startMs)}`);
        await this.#staging.finish(await this.#pack(action.archive));
        await load({ archive: action.archive, staged: this.#staging.paths });
        return { kind: "finished" };
      case "boot":
      case "fail":
        return undefined;
    }
  }

  /** @throws when this image lacks one of the programs */
  async #pack({ session }: ArchiveMessage): Promise<SessionParcel> {
    const { privateKey, system } = this.#options;
    const tunnelConfiguration = formatDesktopEnd(session, {
      privateKey,
      presharedKey: await this.#channel.deriveKey("tunnel"),
    });
    const programs = new Map<string, Uint8Array>();
    for (const [name, path] of await findDesktopPrograms(system, session)) {
      programs.set(name, await system.readFile(path));
    }
    return { programs, ...tunnelConfiguration === undefined ? {} : { tunnelConfiguration } };
  }

  async #askPassphrase(action: Extract<ClientAction, { kind: "ask-passphrase" }>): Promise<ClientEvent> {
    const { system, console, signal } = this.#options;
    if (action.isRetry) console.say("That passphrase does not open the disk");
    const timeout = AbortSignal.timeout(CLIENT_WAIT_MS["awaiting-passphrase"]);
    const tries = action.triesLeft === 1 ? "last try" : `${action.triesLeft} tries`;
    const keys = console.isScreen ? `, keys: ${await readKeymapName(system)}` : "";
    const prompt = `Passphrase of the encrypted disk (${tries}${keys}): `;
    try {
      return { kind: "passphrase", passphrase: await console.askSecret(prompt, AbortSignal.any([signal, timeout])) };
    } catch (error) {
      if (timeout.aborted) return { kind: "local-failure", message: "No passphrase was typed in time" };
      throw error;
    }
  }

  async #prepare(archive: ArchiveMessage): Promise<undefined> {
    const { system, console, directory, hello, review } = this.#options;
    await review(archive);
    if (archive.session.link.mac !== hello.link.mac) {
      throw new Error("The server's session is for another network card");
    }
    if ((archive.chain === undefined) !== (hello.chain === undefined)) {
      throw new Error("The server sends other boot loaders than were asked for");
    }
    if ((archive.session.mode?.kind) !== (hello.mode?.kind)) {
      throw new Error("The server's session has another mode than was asked for: whether changes stay");
    }
    for (const notice of archive.notices) console.say(`Note: ${notice}`);
    console.say(`Fetching "${archive.entryTitle}"`);
    this.#totalBytes = measureArchive(archive);
    // once as files in memory; for kexec the kernel holds them once more
    await checkMemory(system, (archive.chain === undefined ? 2 : 1) * this.#totalBytes);
    this.#staging = await Staging.open(system, directory, archive);
    this.#startMs = system.monotonicMs();
  }

  #showProgress(bytes: number): void {
    this.#receivedBytes += bytes;
    const elapsedMs = this.#options.system.monotonicMs() - this.#startMs;
    this.#options.console.status(
      formatTransfer({ doneBytes: this.#receivedBytes, totalBytes: this.#totalBytes, elapsedMs }),
    );
  }

  async #nextEvent(state: ClientState): Promise<ClientEvent> {
    try {
      const body = await this.#frames.next(CLIENT_WAIT_MS[state.name]);
      if (body === undefined) return { kind: "closed" };
      return { kind: "received", plaintext: parseServerPlaintext(await this.#channel.open(body)) };
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return eventOfConnectionError(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.close();
    await this.#staging?.[Symbol.asyncDispose]();
  }
}

/** What start-devices has loaded. */
async function readKeymapName(system: System): Promise<string> {
  const name = await system.readText(KEYMAP_NAME_PATH).catch(() => "");
  return toPrintable(name.trim(), 200) || "us";
}
