/**
 * Giving the shared key to a desktop that was started without it, against a code that is shown here and typed there
 * (doc/protocol.md, "Pairing"). What a fact means for the code: lib/protocol/pairing_state.ts.
 */
import { ProtocolError } from "../../lib/errors.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { formatFrame } from "../../lib/protocol/frames.ts";
import {
  answerPairing,
  checkPairingMessage,
  formatPairingGreeting,
  formatPairingRefusal,
  PairingStatus,
  parsePairingOpening,
  SALT_BYTES,
} from "../../lib/protocol/pairing.ts";
import {
  CODE_RANDOM_BYTES,
  formatPairingCode,
  makePairingCode,
  stretchPairingCode,
} from "../../lib/protocol/pairing_code.ts";
import {
  endTries,
  PAIRING_MS,
  PAIRING_TRIES,
  type PairingFact,
  type PairingState,
  type PairingStep,
  startPairingState,
  stepPairing,
} from "../../lib/protocol/pairing_state.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { FrameSource } from "../shared/frame_source.ts";

export interface PairingOptions {
  readonly system: System;
  readonly console: Console;
  readonly sharedKey: Uint8Array;
  /** What this laptop calls itself. */
  readonly name: string;
}

/** A desktop sends its opening, and what was typed, at once: it has asked its user before. */
const frameTimeoutMs = 10_000;

interface Code {
  readonly code: string;
  /** With hyphens. */
  readonly text: string;
  readonly salt: Uint8Array;
  /** Made when the first desktop asks: its user needs longer to type. */
  psk?: Promise<Uint8Array>;
}

/** What a person at this laptop sees of it. */
export type ShownPairing =
  | { readonly kind: "code"; readonly text: string; readonly minutesLeft: number }
  | { readonly kind: "over" };

export class Pairing {
  readonly #options: PairingOptions;
  #state: PairingState = startPairingState;
  #code: Code | undefined;

  constructor(options: PairingOptions) {
    this.#options = options;
  }

  /** One connection of a desktop, to its end. Never rejects. */
  async serve(stream: ByteStream): Promise<void> {
    try {
      const frames = new FrameSource(stream);
      if (await this.#greet(stream, frames)) await this.#takeTry(stream, frames);
      await stream.closeWrite();
    } catch {
      // Garbage, silence or a reset.
    }
  }

  /** A person here wants a new code. */
  renew(): void {
    this.#tell({ kind: "renewed" });
  }

  shown(): ShownPairing | undefined {
    this.#tell({ kind: "time-passed" });
    if (this.#state.kind === "over") return { kind: "over" };
    if (this.#state.kind === "idle" || this.#code === undefined) return undefined;
    const leftMs = this.#state.untilMs - this.#options.system.monotonicMs();
    return { kind: "code", text: this.#code.text, minutesLeft: Math.ceil(leftMs / 60_000) };
  }

  /** @returns whether the desktop may try a code */
  async #greet(stream: ByteStream, frames: FrameSource): Promise<boolean> {
    const opening = await frames.next(frameTimeoutMs);
    if (opening === undefined) return false;
    try {
      parsePairingOpening(opening);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const status = error.code === "unknown-version" ? PairingStatus.unknownVersion : PairingStatus.malformed;
      await stream.write(formatFrame(formatPairingGreeting({ status })));
      return false;
    }
    const { isAdmitted } = this.#tell({ kind: "asked" });
    if (!isAdmitted || this.#state.kind !== "open" || this.#code === undefined) {
      await stream.write(formatFrame(formatPairingGreeting({ status: PairingStatus.over })));
      return false;
    }
    const { name } = this.#options;
    const { salt } = this.#code;
    stretch(this.#code).catch(() => {}); // who waits for it hears of it
    const greeting = { status: PairingStatus.ok, salt, triesLeft: this.#state.triesLeft, name };
    await stream.write(formatFrame(formatPairingGreeting(greeting)));
    return true;
  }

  async #takeTry(stream: ByteStream, frames: FrameSource): Promise<void> {
    const body = await frames.next(frameTimeoutMs);
    const code = this.#code;
    if (body === undefined || code === undefined) return;
    const message = new Uint8Array(body);
    checkPairingMessage(message);
    if (!this.#tell({ kind: "tried" }).isAdmitted) {
      return await stream.write(formatFrame(formatPairingRefusal(PairingStatus.over)));
    }
    const { console, sharedKey } = this.#options;
    try {
      const answer = await answerPairing(message, { psk: await stretch(code), salt: code.salt, sharedKey });
      // A code is good for one desktop, also when two have typed it at the same time.
      if (this.#code !== code) return await stream.write(formatFrame(formatPairingRefusal(PairingStatus.over)));
      this.#code = undefined;
      this.#tell({ kind: "fitted" });
      console.say(`The code was typed at a desktop (${stream.remoteAddress}): it has the shared key until it restarts`);
      await stream.write(formatFrame(answer));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (this.#code === code) this.#noteWrong(stream.remoteAddress);
      await stream.write(formatFrame(formatPairingRefusal(PairingStatus.wrongCode)));
    }
  }

  #noteWrong(address: string): void {
    const { console } = this.#options;
    const left = this.#state.kind === "open" ? this.#state.triesLeft : 0;
    const tries = left === 1 ? "1 try is left" : `${left} tries are left`;
    console.say(`Another code was typed at a desktop (${address}): ${tries}`);
    this.#state = endTries(this.#state);
    if (this.#state.kind === "over") this.#sayOver(`A wrong code was typed ${PAIRING_TRIES} times`);
  }

  #tell(fact: PairingFact): PairingStep {
    const { system } = this.#options;
    const wasOpen = this.#state.kind === "open";
    const step = stepPairing(this.#state, fact, system.monotonicMs());
    this.#state = step.state;
    if (wasOpen && step.state.kind === "over") {
      this.#sayOver(`The code was not typed within ${PAIRING_MS / 60_000} minutes`);
    }
    if (step.makesCode) this.#makeCode();
    return step;
  }

  #sayOver(why: string): void {
    this.#code = undefined;
    this.#options.console.say(`${why}: no code is taken any more; C makes a new one`);
  }

  #makeCode(): void {
    const { system, console } = this.#options;
    const code = makePairingCode(system.randomBytes(CODE_RANDOM_BYTES));
    const salt = system.randomBytes(SALT_BYTES);
    this.#code = { code, text: formatPairingCode(code), salt };
    console.say(
      `The code for a desktop without a key: ${this.#code.text} (type it there within ${PAIRING_MS / 60_000} minutes)`,
    );
  }
}

function stretch(code: Code): Promise<Uint8Array> {
  return code.psk ??= stretchPairingCode(code.code, code.salt);
}
