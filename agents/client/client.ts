/** The client agent: search, fetch, start; over and over until it works. */
import { processorOnWire } from "../../lib/architecture.ts";
import { describeError, ProtocolError, UserError } from "../../lib/errors.ts";
import { checkMemory, executeKernel, loadKernel, unloadKernel } from "../../lib/boot/kexec.ts";
import { judgeKernel } from "../../lib/boot/kernel_trust.ts";
import { makeTunnelKeys } from "../../lib/export/tunnel/wireguard_config.ts";
import { KEY_BYTES } from "../../lib/protocol/primitives.ts";
import { needsScope } from "../../lib/net/address.ts";
import { resolveHost } from "../../lib/net/resolve_host.ts";
import { connectStream } from "../../lib/net/stream.ts";
import {
  type ArchiveMessage,
  BOOT_EXCHANGE_PORT,
  BOOT_EXCHANGE_VERSION,
  type WelcomeMessage,
} from "../../lib/protocol/boot_exchange.ts";
import { sessionTransports } from "../../lib/protocol/session_groups.ts";
import { type Link, listLinks } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../../lib/backoff.ts";
import { formatBytes } from "../../lib/format_bytes.ts";
import { shutDownIntoKernel } from "../../lib/restart/shut_down.ts";
import type { Console } from "../shared/console.ts";
import { type Environment, readEnvironment } from "../shared/environment.ts";
import { type DhcpNetwork, startDhcpNetwork } from "../shared/dhcp_network.ts";
import { type ClientKey, findPreference, keyNamed, readClientKeys } from "./client_keys.ts";
import { createCardRaiser } from "../shared/raise_cards.ts";
import { type DesktopFacts, readDesktopFacts, readLinkFacts } from "./desktop_facts.ts";
import { demandKernel, KernelRefused } from "./kernel_refusal.ts";
import { formatStartPage } from "./start_page.ts";
import { ExchangeFailed, fetchArchive, type FetchedArchive } from "./exchange.ts";
import { explainFailure, isRefusal, refusalOf } from "./failed_attempt.ts";
import type { ClientOptions } from "./options.ts";
import { askToLeave, demandOwnSystem } from "./own_system.ts";
import { askForLaptop } from "./choose_laptop.ts";
import { type ChosenLaptop, describePlace } from "./heard_laptops.ts";
import { obtainKey } from "./pairing.ts";
import { findLinkTo, settlePacketSize } from "./packet_size.ts";
import { findCard, findRoute } from "./route.ts";
import { startSearch } from "./search.ts";
import type { PlacePlan } from "../../lib/second_boot/plan_place.ts";
import { armPlace, emptyPlace, type UsedPlace } from "../../lib/second_boot/use_place.ts";
import { cleanStick, demandRoom, offerSecondBoot, prepareSecondBoot, restartDesktop } from "./second_boot.ts";
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
 * @throws {UserError} for what trying again cannot mend, on a running system for what its user has to do first, too;
 *   the signal's reason when it aborts
 */
export async function runClient(options: ClientOptions, dependencies: ClientDependencies): Promise<void> {
  const { system, console, signal } = dependencies;
  if (options.isFromRunningSystem && options.withKexec) await demandOwnSystem(system);
  console.mark("agent");
  // Looking for a laptop that shows a code raises links, which are not ours on a running system.
  const mayPair = options.keyPath === undefined && !options.isFromRunningSystem;
  const keyPath = mayPair ? await obtainKey(options.workDirectory, dependencies) : options.keyPath;
  const environment = await readEnvironment(system, { role: "client", ...options, keyPath });
  const keys = await readClientKeys(system, environment, keyPath);
  for (const name of environment.unknownParameters) console.say(`The kernel parameter "${name}" is not known`);
  if (isTrying(options, environment)) {
    console.say("Try mode: all that this desktop changes is thrown away when it shuts down");
  }
  const backoff = createBackoff({ firstMs: retryFirstMs, maximumMs: retryMaximumMs });
  await using network = startNetwork(options, environment, dependencies);
  const memory: Memory = { chosen: undefined, page: "", secondBoot: undefined, cleaning: undefined };
  for (;;) {
    signal.throwIfAborted();
    // What fails before there is an address is tried again with it.
    const addressed = network?.nextAddress();
    try {
      if (await attempt({ ...dependencies, options, environment, keys, memory })) return;
    } catch (error) {
      signal.throwIfAborted();
      const cause = error instanceof ExchangeFailed ? error.cause : error;
      if (options.isFromRunningSystem && cause instanceof UserError) throw cause;
      for (const line of explainFailure(error)) console.sayRarely(line);
      const refusal = refusalOf(error);
      memory.secondBoot = undefined;
      if (refusal !== undefined && options.withKexec) {
        const offered = await offerSecondBoot(dependencies, {
          trust: refusal.trust,
          facts: await lookAtDesktop({ system, memory }),
          partitionUuid: environment.parameters.stick,
          waitMs: KernelRefused.waitMs,
        });
        if (offered.kind === "accepted") {
          memory.secondBoot = offered.used;
          continue;
        }
        if (offered.kind === "declined") {
          memory.chosen = undefined;
          continue;
        }
      }
      const mayMeanAnother = memory.chosen !== undefined && isRefusal(error);
      if (mayMeanAnother) memory.chosen = undefined;
      const mustWait = refusal !== undefined && !mayMeanAnother;
      await pause(mustWait ? KernelRefused.waitMs : backoff.next(), { system, signal, addressed });
    }
  }
}

/** For a laptop that is named. What the desktop's own Linux has, and link-local addresses, need no such help. */
function startNetwork(
  { server, workDirectory, isFromRunningSystem }: ClientOptions,
  { parameters, settings, machineName: name }: Environment,
  dependencies: ClientDependencies,
): DhcpNetwork | undefined {
  const address = server ?? parameters.server;
  if (address === undefined || needsScope(address) || isFromRunningSystem) return undefined;
  return startDhcpNetwork({ ...dependencies, workDirectory, name, vlan: settings.vlan });
}

/** Until the time is over, or `addressed` aborts. @throws the signal's reason when it aborts */
async function pause(
  ms: number,
  { system, signal, addressed }: Pick<ClientDependencies, "system" | "signal"> & {
    readonly addressed: AbortSignal | undefined;
  },
): Promise<void> {
  if (addressed === undefined) return await system.delay(ms, signal);
  await system.delay(ms, AbortSignal.any([signal, addressed])).catch(() => {});
  signal.throwIfAborted();
}

/** What one try leaves to the next. */
interface Memory {
  /** Whom a person has chosen. */
  chosen: ChosenLaptop | undefined;
  /** What is on the screen already. */
  page: string;
  /** A person wants the laptop's own boot loaders, from here on the stick. */
  secondBoot: UsedPlace | undefined;
  /** What an earlier one has left is removed; `endWaiting`: a stick that is not there is not waited for any more. */
  cleaning: { readonly done: Promise<void>; readonly endWaiting: () => void } | undefined;
  /** A person has agreed to start this, in place of the running system. */
  agreedTitle?: string;
  /** This desktop as it was looked at last. */
  desktop?: { readonly sinceMs: number; readonly facts: Promise<DesktopFacts> };
}

/** What was seen so long ago is looked at again: a card may have been plugged in. */
const lookAgainMs = 10_000;

/** Starts the look, unless it was a moment ago: it takes a while, which the search has. */
function lookAtDesktop({ system, memory }: Pick<Attempt, "system" | "memory">): Promise<DesktopFacts> {
  const nowMs = system.monotonicMs();
  if (memory.desktop === undefined || nowMs - memory.desktop.sinceMs > lookAgainMs) {
    memory.desktop = { sinceMs: nowMs, facts: readDesktopFacts(system) };
  }
  return memory.desktop.facts;
}

interface Attempt extends ClientDependencies {
  readonly options: ClientOptions;
  readonly environment: Environment;
  /** The own one first. */
  readonly keys: readonly ClientKey[];
  readonly memory: Memory;
}

/** @returns false when a laptop was chosen meanwhile, and is to be gone to */
async function attempt(attempted: Attempt): Promise<boolean> {
  const { system, console, signal, options, memory } = attempted;
  if (memory.secondBoot !== undefined) return await attemptSecondBoot(attempted, memory.secondBoot);
  await using taken = new AsyncDisposableStack();
  const fetched = await fetchOnce(attempted, async ({ archive, staged }) => {
    console.mark("fetched");
    if (!options.withKexec) return;
    const title = archive.entryTitle;
    // Asked once: a laptop that was slow to answer after the yes is asked again by itself.
    if (options.isFromRunningSystem && !options.isAgreed && memory.agreedTitle !== title) {
      await askToLeave(console, { title, signal });
      memory.agreedTitle = title;
    }
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
  if (fetched === undefined) return false;
  if (!options.withKexec) {
    report(console, fetched);
    return true;
  }
  taken.defer(() => removeStaged(system, fetched.staged));
  await endCleaning(memory);
  console.say(`Starting "${fetched.archive.entryTitle}"`);
  console.mark("kexec");
  if (!options.isFromRunningSystem) return await executeKernel(system);
  console.say("Shutting this computer down");
  await shutDownIntoKernel(system);
  taken.move(); // what is loaded stays
  return true;
}

function startCleaning({ system, console, signal, environment }: Attempt): Memory["cleaning"] {
  const waiting = new AbortController();
  const machine = { system, console, signal: AbortSignal.any([signal, waiting.signal]) };
  return { done: cleanStick(machine, environment.parameters.stick), endWaiting: () => waiting.abort() };
}

async function endCleaning({ cleaning }: Memory): Promise<void> {
  cleaning?.endWaiting();
  await cleaning?.done;
}

/** @returns false when a laptop was chosen meanwhile, and is to be gone to */
async function attemptSecondBoot(attempted: Attempt, used: UsedPlace): Promise<boolean> {
  const { system, console, memory } = attempted;
  await using taken = new AsyncDisposableStack();
  let plan: PlacePlan | undefined;
  await endCleaning(memory);
  const fetched = await fetchOnce(attempted, async ({ archive, staged }) => {
    console.mark("fetched");
    console.say("Writing to the stick, and reading it back");
    taken.defer(() =>
      emptyPlace(system, used).then(
        () => {},
        (error) => console.say(`The stick cannot be emptied: ${describeError(error)}`),
      )
    );
    plan = await prepareSecondBoot(system, { used, facts: await lookAtDesktop(attempted), archive, staged });
  });
  if (fetched === undefined) return false;
  if (plan === undefined) throw new TypeError("Nothing was written to the stick");
  await armPlace(system, used, plan);
  // From here on what is on the stick stays.
  taken.move();
  await removeStaged(system, fetched.staged);
  return await restartDesktop(attempted);
}

type Load = (fetched: FetchedArchive) => Promise<void>;

async function fetchOnce(attempted: Attempt, load: Load): Promise<FetchedArchive | undefined> {
  const { system, console, signal, options, environment, keys, memory } = attempted;
  const { parameters, machineName: name } = environment;
  const address = options.server ?? parameters.server;
  void lookAtDesktop(attempted);
  if (address !== undefined) {
    console.sayRarely(`Connecting to ${address}`);
    const links = await listLinks(system);
    const target = { name: address, host: await resolveHost(address, signal), port: BOOT_EXCHANGE_PORT };
    return await withFittingKey(keys, (key) => fetchFrom(target, attempted, { key, load, links, meet: () => {} }));
  }
  const preference = findPreference(keys, parameters.laptop);
  const wishes = { chosen: memory.chosen, ...preference };
  await using search = startSearch({
    ...{ system, console, signal, name, wishes, keys, mtu: parameters.mtu, vlan: environment.settings.vlan },
    ...options.isFromRunningSystem
      ? { raise: createCardRaiser(system, { console, signal, purpose: "ask laptops" }) }
      : {},
  });
  const choose = async (): Promise<undefined> => {
    memory.chosen = await askForLaptop(search, { console, signal, ...preference });
  };
  const outcome = await search.outcome;
  if (outcome.kind === "several") return await choose();
  const { server } = outcome;
  // One that was chosen and is gone is forgotten.
  if (memory.chosen?.name !== server.name || memory.chosen.keyName !== server.keyName) memory.chosen = undefined;
  console.say(`Found "${server.name}" on ${describePlace(server.linkName, server.keyName)}`);
  const lost = search.watchLink(server);
  try {
    return await fetchFrom(server, attempted, {
      key: keyNamed(keys, server.keyName),
      load,
      links: search.links(),
      meet: () => {
        // While the laptop looked at its disk, others had the time to answer.
        if (memory.chosen === undefined && search.othersThan(server).length > 0) throw new SeveralAnswer();
        search.quieten();
      },
      lost,
    });
  } catch (error) {
    if (error instanceof ExchangeFailed && error.cause instanceof SeveralAnswer) return await choose();
    // What the connection says of it is less.
    lost.throwIfAborted();
    throw error;
  }
}

/** The exchange was ended, so that a person can choose. */
class SeveralAnswer extends Error {
  constructor() {
    super("Another laptop answers, too: the person at the desktop chooses");
  }
}

interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** MAC address of the link, where it was found on one. */
  readonly mac?: string;
}

async function fetchFrom(
  { name, host, port, mac }: Target,
  attempted: Attempt,
  { key, load, links, meet, lost }: {
    /** That the laptop has proved, or may have. */
    readonly key: ClientKey;
    readonly load: Load;
    /** Of this desktop. */
    readonly links: readonly Link[];
    /** The laptop has said what it has. @throws where another laptop may be meant */
    readonly meet: () => void;
    /** Aborts when there is no way to the laptop any more. */
    readonly lost?: AbortSignal;
  },
): Promise<FetchedArchive> {
  const { system, console, signal, options, environment, memory } = attempted;
  const linkTo = await findLinkTo(system, host, links);
  const largeMtu = await settlePacketSize(attempted, {
    host,
    link: linkTo,
    isOurs: !options.isFromRunningSystem,
  });
  using stream = await connectStream({
    ...{ host, port },
    signal: lost === undefined ? signal : AbortSignal.any([signal, lost]),
  });
  const link = mac === undefined || linkTo === undefined
    ? await findRoute(system, { local: stream.localAddress, remote: stream.remoteAddress, linkTo, largeMtu })
    : { ...await findCard(system, linkTo, links), ...largeMtu === undefined ? {} : { mtu: largeMtu } };
  console.mark("found");
  if (memory.secondBoot === undefined) memory.cleaning ??= startCleaning(attempted);
  const { privateKey, publicKey } = await makeTunnelKeys(system.randomBytes(KEY_BYTES));
  // Meanwhile the laptop looks at its disk.
  const [desktop, linkFacts] = [lookAtDesktop(attempted), readLinkFacts(system, links)];
  const { machineId } = await desktop;
  const architecture = processorOnWire(system.processor);
  const review = async (said: WelcomeMessage | ArchiveMessage): Promise<void> => {
    const facts = await desktop;
    if (said.kind === "welcome") {
      meet();
      const page = formatStartPage({
        desktop: facts,
        links: await linkFacts,
        key,
        laptopName: name,
        welcome: said,
        trust: judgeKernel(facts, said.kernelSignature),
      });
      if (page.join("\n") !== memory.page) page.forEach((line) => console.say(line));
      memory.page = page.join("\n");
    }
    demandKernel(facts, said.kernelSignature, { isSecondBoot: memory.secondBoot !== undefined });
    if (said.kind === "archive" && memory.secondBoot !== undefined) {
      await demandRoom(system, memory.secondBoot.place, said);
    }
  };
  return await fetchArchive(stream, {
    system,
    console,
    signal,
    bootPsk: key.bootPsk,
    hello: {
      kind: "hello",
      protocol: BOOT_EXCHANGE_VERSION,
      name: environment.machineName,
      ...machineId === undefined ? {} : { machine: machineId },
      ...architecture === undefined ? {} : { architecture },
      link,
      tunnel: { publicKey },
      disk: { transports: sessionTransports },
      ...memory.secondBoot === undefined ? {} : { chain: {} },
      ...isTrying(options, environment) ? { mode: { kind: "try" } } : {},
    },
    privateKey,
    directory: options.workDirectory,
    review,
    load,
  });
}

/** By address no discovery tells which key fits: each is tried, in a connection of its own. */
async function withFittingKey<Value>(
  keys: readonly ClientKey[],
  work: (key: ClientKey) => Promise<Value>,
): Promise<Value> {
  for (const [index, key] of keys.entries()) {
    try {
      return await work(key);
    } catch (error) {
      const isWrongKey = error instanceof ProtocolError && error.code === "wrong-key";
      if (!isWrongKey || index === keys.length - 1) throw error;
    }
  }
  throw new TypeError("A client has no key");
}

/** Whether what this desktop writes shall be thrown away. */
function isTrying(options: Pick<ClientOptions, "mode">, { parameters, settings }: Environment): boolean {
  return (options.mode ?? parameters.mode ?? settings.mode) === "try";
}

function report(console: Console, { archive, staged }: FetchedArchive): void {
  const { link, tunnel, disk } = archive.session;
  const size = "sizeBytes" in disk ? `, ${formatBytes(disk.sizeBytes)}` : "";
  console.say(`Would start "${archive.entryTitle}"`);
  console.say(`  kernel        ${staged.kernelPath}, ${formatBytes(archive.kernelBytes)}`);
  console.say(`  initramfs     ${staged.initramfsPath}, ${formatBytes(archive.initramfsBytes)} and the session file`);
  console.say(`  command line  ${archive.commandLine}`);
  console.say(`  disk          ${disk.transport}, [${disk.address}]:${disk.port}${size}`);
  if (tunnel !== undefined) console.say(`  tunnel        WireGuard, [${tunnel.endpoint}]:${tunnel.port}`);
  console.say(`  our address   ${link.address} on the card ${link.mac}`);
}
