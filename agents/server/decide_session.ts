/** What is decided for one desktop before it is sent anything: transport, encryption, room for a guest's changes. */
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import type { BootImage } from "../../lib/boot/opened_image.ts";
import { chooseTransport } from "../../lib/export/choose_transport.ts";
import { type Arrival, planSession, SESSION_RANDOM_BYTES, type SessionPlan } from "../../lib/export/session_plan.ts";
import { planStore } from "../../lib/export/snapshot/plan_store.ts";
import { TUNNEL_RANDOM_BYTES } from "../../lib/export/tunnel/plan_tunnel.ts";
import { makeTunnelKeys } from "../../lib/export/tunnel/wireguard_config.ts";
import { formatBytes } from "../../lib/format_bytes.ts";
import { engineTransport } from "../../lib/formats/engine.ts";
import { chooseSecurity, describeEngine, type Security, type SecurityDecision } from "../../lib/formats/security.ts";
import type { HelloMessage } from "../../lib/protocol/boot_exchange.ts";
import { KEY_BYTES } from "../../lib/protocol/primitives.ts";
import type { SecureChannel } from "../../lib/protocol/secure_channel.ts";
import type { ServerEvent } from "../../lib/protocol/server_session.ts";
import type { TransportSetting } from "../../lib/protocol/session_groups.ts";
import { findNotTaken } from "../../lib/protocol/unknown_groups.ts";
import { listLinks, readMemAvailableBytes } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import type { Desk } from "./desk.ts";
import type { Ticket } from "./holding.ts";
import type { LendingEngine } from "./lending_engine.ts";
import { findArrivalLink } from "./session_address.ts";

type BootEntry = BootImage["entry"];
type Refused = Extract<ServerEvent, { kind: "refused" }>;

/** What holds for every desktop that asks by this connection. */
export interface SessionSettings {
  readonly system: System;
  readonly console: Console;
  readonly desk: Desk;
  readonly arrival: Arrival;
  readonly security: Security;
  readonly transport: TransportSetting;
  /** What lends the disk in place of the laptop, and by what it knows the desktop. */
  readonly engine?: LendingEngine;
}

/** What is known of one desktop and of what it gets. */
export interface SessionQuestion {
  readonly hello: HelloMessage;
  readonly disk: DiskReport;
  readonly entry: BootEntry;
  readonly ticket: Ticket;
  /** For keys that only this desktop and the laptop know. */
  readonly channel: Pick<SecureChannel, "deriveKey">;
}

/** Whether the disk's traffic is encrypted, and what the user has to know about it. */
export function decideSecurity(
  { security, engine: lending }: Pick<SessionSettings, "security" | "engine">,
  { canTunnel = false }: BootEntry,
): SecurityDecision {
  if (lending === undefined) return chooseSecurity(security, canTunnel);
  return { security: "none", notice: describeEngine(lending.engine.addresses, lending.secret !== undefined) };
}

/** Plans the session, or says why there is none. */
export async function decideSession(
  { hello, disk, entry, ticket, channel }: SessionQuestion,
  settings: SessionSettings,
): Promise<{ readonly kind: "planned"; readonly plan: SessionPlan } | Refused> {
  const { arrival, console, system, engine: lending } = settings;
  const decision = chooseTransport({
    setting: lending === undefined ? settings.transport : engineTransport,
    laptop: entry.transports,
    client: hello.disk.transports,
  });
  if (decision.kind === "none") return { kind: "refused", code: "other-version", message: decision.message };
  const { transport, why } = decision;
  console.sayRarely(`The disk is lent ${why}`);
  const random = system.randomBytes(SESSION_RANDOM_BYTES);
  const tunnel = decideSecurity(settings, entry).security === "none" ? undefined : {
    keys: await makeTunnelKeys(system.randomBytes(KEY_BYTES)),
    presharedKey: await channel.deriveKey("tunnel"),
    random: system.randomBytes(TUNNEL_RANDOM_BYTES),
  };
  const store = await decideStore(hello, ticket, settings);
  if (store.kind === "refused") return store;
  const plan = planSession({
    ...{ hello, arrival, disk, transport, random, slot: ticket.slot },
    laptopMtu: findArrivalLink(await listLinks(system), arrival)?.mtu,
    ...lending ?? {},
    ...(tunnel === undefined ? {} : { tunnel }),
    ...(store.bytes === undefined ? {} : { storeBytes: store.bytes }),
  });
  const notTaken = findNotTaken(hello, plan.session);
  if (notTaken !== undefined) return { kind: "refused", code: "other-version", message: notTaken };
  return { kind: "planned", plan };
}

/** How much a guest may write, in bytes, promised to it; nothing for a desktop that writes to the disk. */
async function decideStore(
  { mode }: HelloMessage,
  ticket: Ticket,
  { system, desk, console, engine }: SessionSettings,
): Promise<{ readonly kind: "planned"; readonly bytes?: number } | Refused> {
  if (mode === undefined) return { kind: "planned" };
  if (engine !== undefined) {
    const message = "A storage system lends the disk (block.engine), and has no try mode: what is written there stays";
    return { kind: "refused", code: "export-failed", message };
  }
  const availableBytes = await readMemAvailableBytes(system);
  const bytes = planStore({ availableBytes, promisedBytes: desk.promisedBytes });
  if (bytes === undefined) {
    const message = "The laptop has too little free memory for what this desktop would change in try mode";
    return { kind: "refused", code: "export-failed", message };
  }
  desk.promise(ticket, bytes);
  console.sayRarely(
    `Try mode: up to ${formatBytes(bytes)} of changes are kept in memory, and thrown away in the end`,
  );
  return { kind: "planned", bytes };
}
