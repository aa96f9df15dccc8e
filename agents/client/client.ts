/** The client agent: search, fetch, start; over and over until it works. */
import { describeError, ProtocolError, UserError } from "../../lib/errors.ts";
import { checkMemory, executeKernel, loadKernel, unloadKernel } from "../../lib/boot/kexec.ts";
import { judgeKernel } from "../../lib/boot/kernel_trust.ts";
import { connectStream } from "../../lib/net/stream.ts";
import {
  type ArchiveMessage,
  BOOT_EXCHANGE_PORT,
  BOOT_EXCHANGE_VERSION,
  type HelloMessage,
  type WelcomeMessage,
} from "../../lib/protocol/boot_exchange.ts";
import { sessionTransports } from "../../lib/protocol/session_groups.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../shared/backoff.ts";
import { formatBytes } from "../../lib/format_bytes.ts";
import type { Console } from "../shared/console.ts";
import { type Environment, readEnvironment } from "../shared/environment.ts";
import { readDesktopFacts, readLinkFacts } from "./desktop_facts.ts";
import { demandKernel, KernelRefused } from "./kernel_refusal.ts";
import { formatStartPage } from "./start_page.ts";
import { ExchangeFailed, fetchArchive, type FetchedArchive } from "./exchange.ts";
import type { ClientOptions } from "./options.ts";
import { findRoute } from "./route.ts";
import type { FoundServer } from "./decide_search.ts";
import { searchServer } from "./search.ts";
import { removeStaged } from "./staging.ts";

export interface ClientDependencies {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
}

const retryFirstMs = 500;
const retryMaximumMs = 15_000;

/**
 * Runs until a kernel was started, or, with `--no-kexec`, until it could have been.
 * @throws {UserError} for what trying again cannot mend; the signal's reason when it aborts
 */
export async function runClient(options: ClientOptions, dependencies: ClientDependencies): Promise<void> {
  const { system, console, signal } = dependencies;
  console.mark("agent");
  const environment = await readEnvironment(system, { role: "client", ...options });
  for (const name of environment.unknownParameters) console.say(`The kernel parameter "${name}" is not known`);
  const backoff = createBackoff({ firstMs: retryFirstMs, maximumMs: retryMaximumMs });
  const shown: Shown = { page: "" };
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt(options, { ...dependencies, environment, shown });
    } catch (error) {
      signal.throwIfAborted();
      for (const line of explain(error)) console.sayRarely(line);
      await system.delay(refusalOf(error) === undefined ? backoff.next() : KernelRefused.waitMs, signal);
    }
  }
}

/** What is on the screen already. */
interface Shown {
  page: string;
}

interface Attempt extends ClientDependencies {
  readonly environment: Environment;
  readonly shown: Shown;
}

async function attempt(options: ClientOptions, dependencies: Attempt): Promise<void> {
  const { system, console } = dependencies;
  await using taken = new AsyncDisposableStack();
  const fetched = await fetchOnce(options, dependencies, async ({ archive, staged }) => {
    console.mark("fetched");
    if (!options.withKexec) return;
    await checkMemory(system, archive.kernelBytes + archive.initramfsBytes);
    taken.defer(() =>
      unloadKernel(system).catch((error) => console.say(`Cannot unload the kernel: ${describeError(error)}`))
    );
    await loadKernel(system, {
      kernel: staged.kernelPath,
      initramfs: staged.initramfsPath,
      commandLine: archive.commandLine,
    });
  });
  if (!options.withKexec) return report(console, fetched);
  taken.defer(() => removeStaged(system, fetched.staged));
  console.say(`Starting "${fetched.archive.entryTitle}"`);
  console.mark("kexec");
  await executeKernel(system);
}

async function fetchOnce(
  options: ClientOptions,
  { system, console, signal, environment, shown }: Attempt,
  load: (fetched: FetchedArchive) => Promise<void>,
): Promise<FetchedArchive> {
  const { machineName: name } = environment;
  const address = options.server ?? environment.parameters.server;
  const found = address === undefined
    ? await searchServer({ system, console, signal, discoveryKey: environment.keys.discoveryKey, name })
    : undefined;
  if (found !== undefined) console.say(`Found "${found.name}" on link ${found.linkName}`);
  else console.sayRarely(`Connecting to ${address}`);
  using stream = await connectStream({
    host: found?.host ?? address ?? "",
    port: found?.port ?? BOOT_EXCHANGE_PORT,
    signal,
  });
  const link = await routeTo(system, found, { local: stream.localAddress, remote: stream.remoteAddress });
  console.mark("found");
  const desktop = readDesktopFacts(system); // meanwhile the laptop looks at its disk
  const review = async (said: WelcomeMessage | ArchiveMessage): Promise<void> => {
    const demands = await desktop;
    if (said.kind === "welcome") {
      const page = formatStartPage({
        desktop: demands,
        links: await readLinkFacts(system),
        keyFingerprint: environment.keyFingerprint,
        laptopName: found?.name ?? address ?? "",
        welcome: said,
        trust: judgeKernel(demands, said.kernelSignature),
      }).join("\n");
      if (page !== shown.page) console.say(page);
      shown.page = page;
    }
    demandKernel(demands, said.kernelSignature);
  };
  return await fetchArchive(stream, {
    system,
    console,
    signal,
    bootPsk: environment.keys.bootPsk,
    hello: { kind: "hello", protocol: BOOT_EXCHANGE_VERSION, name, link, disk: { transports: sessionTransports } },
    directory: options.workDirectory,
    review,
    load,
  });
}

async function routeTo(
  system: System,
  found: FoundServer | undefined,
  ends: { readonly local: string; readonly remote: string },
): Promise<HelloMessage["link"]> {
  return found === undefined ? await findRoute(system, ends) : { mac: found.mac };
}

function report(console: Console, { archive, staged }: FetchedArchive): void {
  const { link, disk } = archive.session;
  console.say(`Would start "${archive.entryTitle}"`);
  console.say(`  kernel        ${staged.kernelPath}, ${formatBytes(archive.kernelBytes)}`);
  console.say(`  initramfs     ${staged.initramfsPath}, ${formatBytes(archive.initramfsBytes)} and the session file`);
  console.say(`  command line  ${archive.commandLine}`);
  console.say(`  disk          ${disk.transport}, [${disk.address}]:${disk.port}, ${formatBytes(disk.sizeBytes)}`);
  console.say(`  our address   ${link.address} on the card ${link.mac}`);
}

/** Why this desktop cannot start the laptop's kernel, when that ended an exchange. */
function refusalOf(error: unknown): KernelRefused | undefined {
  return error instanceof ExchangeFailed && error.cause instanceof KernelRefused ? error.cause : undefined;
}

/** What went wrong and what to do, in lines. */
function explain(error: unknown): readonly string[] {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    const again = `  Asking the laptop again every ${KernelRefused.waitMs / 1000} s`;
    return [refusal.message, ...refusal.hints.map((hint) => `  ${hint}`), again];
  }
  if (error instanceof ProtocolError && error.code === "wrong-key") {
    return [`${error.message}: both images must be built with the same aes-key file`];
  }
  if (error instanceof ExchangeFailed) {
    const { code, message, holder } = error.failure;
    if (code === "busy") {
      return [`The disk is in use by ${holder === undefined ? "another desktop" : `"${holder}"`}: ${message}`];
    }
    return [`The exchange failed: ${message}`];
  }
  const hints = error instanceof UserError ? error.hints : [];
  return [`Trying again after: ${describeError(error)}`, ...hints.map((hint) => `  ${hint}`)];
}
