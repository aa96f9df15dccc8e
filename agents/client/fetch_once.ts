/** Finds a laptop, and fetches what it starts desktops with. */
import { processorOnWire } from "../../lib/architecture.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { judgeKernel } from "../../lib/boot/kernel_trust.ts";
import { makeTunnelKeys } from "../../lib/export/tunnel/wireguard_config.ts";
import { KEY_BYTES } from "../../lib/protocol/primitives.ts";
import { resolveHost } from "../../lib/net/resolve_host.ts";
import { connectStream } from "../../lib/net/stream.ts";
import { BOOT_EXCHANGE_PORT, BOOT_EXCHANGE_VERSION, type HelloMessage } from "../../lib/protocol/boot_exchange.ts";
import { sessionTransports } from "../../lib/protocol/session_groups.ts";
import { type Link, listLinks } from "../../lib/system/facts.ts";
import { createCardRaiser } from "../shared/raise_cards.ts";
import { type Attempt, isTrying, lookAtDesktop, startCleaning } from "./attempt.ts";
import { askForLaptop } from "./choose_laptop.ts";
import { type ClientKey, findPreference, keyNamed } from "./client_keys.ts";
import { readLinkFacts } from "./desktop_facts.ts";
import { ExchangeFailed, fetchArchive, type FetchedArchive } from "./exchange.ts";
import { describePlace } from "./heard_laptops.ts";
import { demandKernel } from "./kernel_refusal.ts";
import { findLinkTo, settlePacketSize } from "./packet_size.ts";
import { findCard, findRoute } from "./route.ts";
import { demandRoom } from "./second_boot.ts";
import { startSearch } from "./search.ts";
import { formatStartPage, type PageFacts } from "./start_page.ts";

type Load = (fetched: FetchedArchive) => Promise<void>;

/** @returns `undefined` when a laptop was chosen meanwhile, and is to be gone to */
export async function fetchOnce(attempted: Attempt, load: Load): Promise<FetchedArchive | undefined> {
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

interface Fetching {
  /** That the laptop has proved, or may have. */
  readonly key: ClientKey;
  readonly load: Load;
  /** Of this desktop. */
  readonly links: readonly Link[];
  /** The laptop has said what it has. @throws where another laptop may be meant */
  readonly meet: () => void;
  /** Aborts when there is no way to the laptop any more. */
  readonly lost?: AbortSignal;
}

async function fetchFrom(target: Target, attempted: Attempt, fetching: Fetching): Promise<FetchedArchive> {
  const { name, host, port, mac } = target;
  const { key, load, links, lost } = fetching;
  const { system, console, signal, options, memory } = attempted;
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
  return await fetchArchive(stream, {
    ...{ system, console, signal, privateKey, load },
    bootPsk: key.bootPsk,
    hello: makeHello(attempted, { link, publicKey, machineId: (await desktop).machineId }),
    directory: options.workDirectory,
    review: async (said) => {
      if (said.kind === "welcome") {
        fetching.meet();
        showStartPage(attempted, {
          ...{ key, laptopName: name, welcome: said },
          desktop: await desktop,
          links: await linkFacts,
        });
      }
      demandKernel(await desktop, said.kernelSignature, { isSecondBoot: memory.secondBoot !== undefined });
      if (said.kind === "archive" && memory.secondBoot !== undefined) {
        await demandRoom(system, memory.secondBoot.place, said);
      }
    },
  });
}

function makeHello(
  { system, options, environment, memory }: Attempt,
  { link, publicKey, machineId }: Pick<HelloMessage, "link"> & {
    readonly publicKey: string;
    readonly machineId: string | undefined;
  },
): HelloMessage {
  const architecture = processorOnWire(system.processor);
  return {
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
  };
}

/** Unless it is on the screen already. */
function showStartPage({ console, memory }: Attempt, facts: Omit<PageFacts, "trust">): void {
  const trust = judgeKernel(facts.desktop, facts.welcome.kernelSignature);
  const page = formatStartPage({ ...facts, trust });
  if (page.join("\n") !== memory.page) page.forEach((line) => console.say(line));
  memory.page = page.join("\n");
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
