/**
 * Drives the server's session over one connection: bytes to events, actions to deeds. What follows what is decided in
 * lib/protocol.
 */
import { findOtherProcessor } from "../../lib/architecture.ts";
import { describeLocked, type DiskReport } from "../../lib/disk/inspect_disk.ts";
import { BootError } from "../../lib/boot_error.ts";
import { DiskError } from "../../lib/disk/disk_error.ts";
import type { KernelSignature } from "../../lib/boot/kernel_signers.ts";
import { type BootImage, lacksInitramfs } from "../../lib/boot/opened_image.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import type { AcceptedStream, ByteStream } from "../../lib/net/stream.ts";
import {
  type ArchiveMessage,
  formatServerMessage,
  type HelloMessage,
  measureArchive,
  parseClientPlaintext,
  type RefuseCode,
} from "../../lib/protocol/boot_exchange.ts";
import { MESSAGE_BODY_MAX_BYTES } from "../../lib/protocol/frames.ts";
import { forDesktop } from "../../lib/formats/kernel_command_line.ts";
import type { SecureChannel } from "../../lib/protocol/secure_channel.ts";
import {
  SERVER_WAIT_MS,
  type ServerAction,
  type ServerEvent,
  type ServerState,
  startServerSession,
  stepServerSession,
} from "../../lib/protocol/server_session.ts";
import { formatTransfer, formatTransferred } from "../shared/console.ts";
import { eventOfConnectionError, eventOfLocalError } from "../shared/exchange_events.ts";
import { FrameSource } from "../shared/frame_source.ts";
import { sendPart } from "./archive.ts";
import { lookAtKernel } from "./look_at_kernel.ts";
import { openChannel, OPENING_TIMEOUT_MS } from "./open_channel.ts";
import { isOfOtherDate } from "../../lib/protocol/unknown_groups.ts";
import { decideSecurity, decideSession, type SessionSettings } from "./decide_session.ts";
import type { Ticket } from "./holding.ts";
import type { SessionPlan } from "../../lib/export/session_plan.ts";
import type { SignedChain } from "../../lib/second_boot/choose_chain.ts";
import { encryptedWords } from "../../lib/formats/security.ts";
import type { DiskSource } from "./source.ts";
import type { Fact } from "./life.ts";
import type { ClientState } from "./state.ts";

/** What an exchange tells the server's life. */
export type ExchangeFact = Extract<Fact, { readonly kind: "disk-shown" | "sending" | "lent" }>;

export interface ServerExchangeOptions extends SessionSettings {
  readonly bootPsk: Uint8Array;
  readonly source: DiskSource;
  /** Resolves when what follows is done. */
  readonly tell: (fact: ExchangeFact) => Promise<void>;
}

/** From there to the hello, for which a slow machine has to compute. */
const helloTimeoutMs = 10_000;

/** Runs one exchange to its end, good or bad, and says how it ended. Never rejects. */
export async function serveExchange(stream: AcceptedStream, options: ServerExchangeOptions): Promise<void> {
  let deadline = setTimeout(() => stream.close(), OPENING_TIMEOUT_MS);
  try {
    const frames = new FrameSource(stream);
    const channel = await openChannel(stream, frames, options);
    clearTimeout(deadline);
    if (channel === undefined) return;
    deadline = setTimeout(() => stream.close(), helloTimeoutMs);
    frames.expectSealedFrames(MESSAGE_BODY_MAX_BYTES);
    await using exchange = new ServerExchange(stream, frames, channel, options);
    await exchange.run(() => {
      clearTimeout(deadline);
      stream.keep();
    });
  } catch (error) {
    options.console.sayRarely(`A boot exchange failed unexpectedly: ${describeError(error)}`);
  } finally {
    clearTimeout(deadline);
  }
}

class ServerExchange implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #frames: FrameSource;
  readonly #channel: SecureChannel;
  readonly #options: ServerExchangeOptions;
  #ticket: Ticket | undefined;
  #client: ClientState | undefined;
  #hello: HelloMessage | undefined;
  #disk: DiskReport | undefined;
  #image: (BootImage & AsyncDisposable) | undefined;
  #signature: KernelSignature | undefined;
  #chain: SignedChain | undefined;
  #plan: SessionPlan | undefined;
  #isServing = false;
  readonly #over = Promise.withResolvers<void>();
  readonly #onReplaced = (): void => this.#stream.close();

  constructor(stream: ByteStream, frames: FrameSource, channel: SecureChannel, options: ServerExchangeOptions) {
    this.#stream = stream;
    this.#frames = frames;
    this.#channel = channel;
    this.#options = options;
  }

  async run(onHello: () => void): Promise<void> {
    let { state, actions } = startServerSession();
    while (state.name !== "serving" && state.name !== "failed") {
      const event: ServerEvent = await this.#carryOutAll(actions) ?? await this.#nextEvent(state);
      ({ state, actions } = stepServerSession(state, event));
      if (state.name !== "awaiting-hello") onHello();
    }
    const answer = await this.#carryOutAll(actions);
    if (state.name === "failed") this.#sayFailed(state);
    // Whether "ready" got through does not matter: the client that does not get it comes again and takes over from
    // itself.
    if (state.name !== "serving" || this.#ticket === undefined || this.#client === undefined) return;
    this.#isServing = true;
    const { sinceMs, isGuest } = this.#ticket.lease;
    const lent = { kind: "lent", client: this.#client, sinceMs, ...isGuest ? { isGuest } : {} } as const;
    await this.#options.tell(lent).catch((error) =>
      this.#options.console.say(`Cannot remove the handover from memory: ${describeError(error)}`)
    );
    this.#options.console.say(
      answer === undefined
        ? `"${this.#client.name}" has all it needs and starts`
        : `"${this.#client.name}" is gone, waiting for it`,
    );
  }

  #sayFailed({ failure }: Extract<ServerState, { name: "failed" }>): void {
    if (this.#client === undefined) {
      // Another peer has not shown that it knows the key.
      if (!isOfOtherDate(failure)) return;
      const { remoteAddress } = this.#stream;
      this.#options.console.sayRarely(
        `A desktop cannot be served (${remoteAddress}): ${failure.message}`,
        failure.code,
      );
      return;
    }
    if (failure.code !== "busy") {
      this.#options.console.say(`The exchange with "${this.#client.name}" failed: ${failure.message}`);
    }
  }

  async #carryOutAll(actions: readonly ServerAction[]): Promise<ServerEvent | undefined> {
    for (const action of actions) {
      const answer = await this.#carryOut(action);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  async #carryOut(action: ServerAction): Promise<ServerEvent | undefined> {
    if (action.kind === "fail") return undefined;
    if (action.kind === "send") {
      return await this.#send(await this.#channel.seal(formatServerMessage(action.message)));
    }
    try {
      switch (action.kind) {
        case "admit":
          return await this.#admit(action.hello);
        case "open-boot-entry":
          return await this.#openBootEntry(action.passphrase);
        case "stream-archive":
          return await this.#streamArchive(action.archive);
        case "start-export":
          return await this.#startExport();
      }
    } catch (error) {
      return eventOfRefusal(error);
    }
  }

  async #send(frame: Uint8Array): Promise<ServerEvent | undefined> {
    return await this.#stream.write(frame).then(() => undefined, eventOfConnectionError);
  }

  async #admit(hello: HelloMessage): Promise<ServerEvent> {
    const { desk, source, system, console, tell } = this.#options;
    const other = findOtherProcessor({ laptop: system.processor, desktop: hello.architecture });
    if (other !== undefined) {
      console.sayRarely(`"${hello.name}" (${hello.link.mac}) is refused: ${other}`);
      return { kind: "refused", code: "no-boot-entry", message: other };
    }
    this.#client = { name: hello.name, mac: hello.link.mac, address: this.#stream.remoteAddress };
    const machine = hello.machine === undefined ? {} : { machine: hello.machine };
    const isGuest = hello.mode?.kind === "try";
    const admission = await desk.admit({ ...this.#client, ...machine }, { isGuest, exchangeOver: this.#over.promise });
    if (admission.kind === "refused") {
      return { kind: "refused", code: "busy", message: admission.message, holder: admission.holder };
    }
    this.#ticket = admission.ticket;
    const { replaced } = admission.ticket;
    // It may have asked anew while what it had before was ended.
    replaced.throwIfAborted();
    replaced.addEventListener("abort", this.#onReplaced, { once: true });
    console.say(`"${hello.name}" (${hello.link.mac}) asks for the disk${isGuest ? ", to try its system" : ""}`);
    const disk = await source.inspect();
    this.#disk = disk;
    await tell({ kind: "disk-shown", disk });
    const [problem] = disk.problems;
    if (problem !== undefined) {
      return {
        kind: "refused",
        code: problem.code === "hibernated" ? "hibernated" : "disk-in-use",
        message: problem.message,
      };
    }
    const { path, model, sizeBytes } = disk;
    const needsPassphrase = await this.#open(undefined) === "passphrase-needed";
    this.#hello = hello;
    // What the laptop's initramfs can do is behind the passphrase, too.
    const refusal = needsPassphrase ? undefined : await this.#planSession();
    if (refusal !== undefined) return refusal;
    return {
      kind: "admitted",
      needsPassphrase,
      disk: { name: path, sizeBytes, ...(model === undefined ? {} : { model }) },
      ...await this.#describeKernel(),
    };
  }

  /** Tries to open the boot partition and keeps it open for what follows. */
  async #open(passphrase: string | undefined): Promise<"open" | "passphrase-needed" | "passphrase-wrong"> {
    try {
      this.#image = await this.#options.source.openBoot(passphrase);
      return "open";
    } catch (error) {
      if (error instanceof BootError && (error.code === "passphrase-needed" || error.code === "passphrase-wrong")) {
        return error.code;
      }
      throw error;
    }
  }

  async #openBootEntry(passphrase: string | undefined): Promise<ServerEvent> {
    if (passphrase !== undefined && await this.#open(passphrase) !== "open") return { kind: "passphrase-rejected" };
    const refusal = this.#plan === undefined ? await this.#planSession() : undefined;
    if (refusal !== undefined) return refusal;
    const [image, disk, plan] = [this.#image, this.#disk, this.#plan];
    if (image === undefined || disk === undefined || plan === undefined) throw new TypeError("Nothing is open");
    const { entry, kernelBytes, initramfsBytes } = image;
    if (initramfsBytes === 0) throw lacksInitramfs(entry);
    const from = [entry.source, entry.commandLineSource].filter((file) => file !== undefined).join(", ");
    this.#options.console.say(`Sending "${entry.title}" (${from})`);
    const described = await this.#describeKernel();
    if (this.#hello?.chain !== undefined) {
      if (plan.session.secret !== undefined) {
        const message = "A second boot would leave the engine's secret on the stick";
        return { kind: "refused", code: "no-boot-entry", message };
      }
      const choice = await this.#options.source.readChain(this.#signature);
      if (choice.kind === "none") {
        const message = `The laptop has no signed boot loaders for its kernel: ${choice.why}`;
        return { kind: "refused", code: "no-boot-entry", message };
      }
      this.#chain = choice.chain;
      this.#options.console.say("Its own signed boot loaders go with it, for a second boot");
    }
    const { notice } = decideSecurity(this.#options, entry);
    this.#options.console.say(notice ?? encryptedWords);
    return {
      kind: "entry-opened",
      archive: {
        kernelBytes,
        initramfsBytes,
        commandLine: forDesktop(entry.commandLine),
        entryTitle: entry.title,
        notices: [
          ...(notice === undefined ? [] : [notice]),
          ...listDiskNotices(disk, image),
          ...entry.notices,
        ],
        ...described,
        ...this.#chain === undefined ? {} : {
          chain: {
            directory: this.#chain.directory,
            shimBytes: this.#chain.shim.length,
            grubBytes: this.#chain.grub.length,
          },
        },
        session: plan.session,
      },
    };
  }

  /** Nothing of a kernel that is behind a passphrase still. */
  async #describeKernel(): Promise<Pick<ArchiveMessage, "kernelSignature">> {
    if (this.#image === undefined) return {};
    this.#signature ??= await lookAtKernel(this.#image);
    return this.#signature === undefined ? {} : { kernelSignature: this.#signature };
  }

  /** @returns why there is no session; undefined: there is one now */
  async #planSession(): Promise<ServerEvent | undefined> {
    const [image, disk, hello, ticket] = [this.#image, this.#disk, this.#hello, this.#ticket];
    if (image === undefined || disk === undefined || hello === undefined || ticket === undefined) {
      throw new TypeError("Nothing is open");
    }
    const { entry } = image;
    const decision = await decideSession({ hello, disk, entry, ticket, channel: this.#channel }, this.#options);
    if (decision.kind === "refused") return decision;
    this.#plan = decision.plan;
    return undefined;
  }

  async #streamArchive(archive: ArchiveMessage): Promise<ServerEvent> {
    const [image, client] = [this.#image, this.#client];
    if (image === undefined || client === undefined) throw new TypeError("Nothing is open");
    const { system, console, tell } = this.#options;
    const totalBytes = measureArchive(archive);
    const startMs = system.monotonicMs();
    let doneBytes = 0;
    let lost: ServerEvent | undefined;
    const send = async (piece: Uint8Array): Promise<void> => {
      lost = await this.#send(await this.#channel.sealData(piece));
      if (lost !== undefined) throw new Error("The connection is gone");
      doneBytes += piece.length;
      await tell({ kind: "sending", client, doneBytes, totalBytes });
      console.status(formatTransfer({ doneBytes, totalBytes, elapsedMs: system.monotonicMs() - startMs }));
    };
    try {
      await sendPart(await image.openKernel(), archive.kernelBytes, send);
      await sendPart(await image.openInitramfs(), archive.initramfsBytes, send);
      for (const part of this.#chain === undefined ? [] : [this.#chain.shim, this.#chain.grub]) {
        await sendPart(ReadableStream.from([part]), part.length, send);
      }
      console.say(`Sent ${formatTransferred(doneBytes, system.monotonicMs() - startMs)}`);
      return { kind: "streamed" };
    } catch (error) {
      if (lost !== undefined) return lost;
      throw error;
    }
  }

  async #startExport(): Promise<ServerEvent> {
    const [ticket, plan] = [this.#ticket, this.#plan];
    if (ticket === undefined || plan === undefined) throw new TypeError("Nothing is prepared");
    // A disk that is mounted here is not lent.
    await this.#closeImage();
    try {
      await this.#options.desk.startExport(ticket, plan);
      return { kind: "export-started" };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { kind: "refused", code: "export-failed", message: error.message };
    }
  }

  async #nextEvent(state: ServerState): Promise<ServerEvent> {
    try {
      const body = await this.#frames.next(SERVER_WAIT_MS[state.name]);
      if (body === undefined) return { kind: "closed" };
      return { kind: "received", message: parseClientPlaintext(await this.#channel.open(body)) };
    } catch (error) {
      return eventOfConnectionError(error);
    }
  }

  async #closeImage(): Promise<void> {
    const image = this.#image;
    this.#image = undefined;
    await image?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticket?.replaced.removeEventListener("abort", this.#onReplaced);
    await this.#stream.closeWrite();
    try {
      await this.#closeImage();
    } finally {
      this.#over.resolve();
      if (!this.#isServing && this.#ticket !== undefined) await this.#options.desk.release(this.#ticket);
    }
  }
}

/** Without those about what has been unlocked and looked through since. */
function listDiskNotices({ notices }: DiskReport, { unlocked = [] }: BootImage): readonly string[] {
  const outdated = unlocked.map(describeLocked);
  return notices.filter((notice) => !outdated.includes(notice));
}

/** Why the disk cannot be had, in the words of the protocol. */
function eventOfRefusal(error: unknown): ServerEvent {
  if (!(error instanceof BootError || error instanceof DiskError)) return eventOfLocalError(error);
  const codes: Partial<Record<BootError["code"], RefuseCode>> = {
    "no-boot-entry": "no-boot-entry",
    "no-device": "no-disk",
  };
  return { kind: "refused", code: codes[error.code] ?? "boot-partition", message: error.message };
}
