/** `status`: what the laptop says whose disk this desktop runs from, and what the desktop itself sees. */

import { describeError, UserError } from "../../errors.ts";
import { listDesktopRows } from "../../describe_desktop.ts";
import { listStatusRows, type StatusRow } from "../../describe_status.ts";
import { parseStatus, type Status, STATUS_PORT } from "../../formats/status.ts";
import { escapeUnprintable } from "../../formats/text.ts";
import { describeEndpoint, needsScope } from "../../net/address.ts";
import { measureRoundTrip } from "../../net/measure_round_trip.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { askLaptop, findSession } from "../find_laptop.ts";
import { readDesktop } from "../read_desktop.ts";

export interface StatusOptions {
  readonly isJson?: boolean;
  /** In the browser of the user's desktop session, which these variables name. */
  readonly openWith?: Readonly<Record<string, string>>;
}

/** The network, for tests. */
export interface StatusNetwork {
  /** @returns `status.json` */
  readonly ask: (address: string) => Promise<string>;
  readonly measureRoundTrip: typeof measureRoundTrip;
}

/** A rate is that between two looks of the laptop's, at least half a second apart (doc/status.md). */
const secondLookMs = 700;

/**
 * Reads session.state and what the kernel counts, connects to the laptop; runs `grep`, and `xdg-open` on wish.
 * @throws {UserError} where this system does not run from a laptop's disk, or the laptop does not answer; what the
 * desktop itself sees is printed before
 */
export async function showStatus(
  system: System,
  ui: Ui,
  options: StatusOptions,
  network: StatusNetwork = { ask: askLaptop, measureRoundTrip },
): Promise<void> {
  const { session, address } = await findSession(system);
  if (options.openWith !== undefined) return await openPage(system, ui, { address, env: options.openWith });
  if (options.isJson) {
    const { text } = await askForStatus(address, network.ask);
    return ui.result(escapeUnprintable(JSON.stringify(JSON.parse(text))));
  }
  const place = { address, port: STATUS_PORT };
  const facts = await readDesktop(system, session, () => network.measureRoundTrip(place, system.monotonicMs));
  const desktopRows = listDesktopRows(facts);
  const status = await askTwice(system, address, network.ask).catch((error) => {
    showRows(ui, desktopRows);
    throw error;
  });
  const url = formatUrl(address);
  showRows(ui, [
    { label: "Laptop", text: status.name },
    ...listStatusRows(status),
    ...url === undefined ? [] : [{ label: "Page", text: url }],
    ...desktopRows,
  ]);
}

function showRows(ui: Ui, rows: readonly StatusRow[]): void {
  const width = Math.max(...rows.map(({ label }) => label.length));
  for (const { label, text } of rows) ui.result(`${label.padEnd(width)}  ${text}`);
}

/** The first answer may have no rate yet. */
async function askTwice(system: System, address: string, ask: StatusNetwork["ask"]): Promise<Status> {
  const { status } = await askForStatus(address, ask);
  const traffic = status.details?.traffic;
  if (traffic === undefined || traffic.readBytesPerSecond !== undefined) return status;
  await system.delay(secondLookMs);
  return (await askForStatus(address, ask)).status;
}

/** @throws {UserError} */
async function askForStatus(
  address: string,
  ask: StatusNetwork["ask"],
): Promise<{ readonly text: string; readonly status: Status }> {
  const text = await ask(address).catch((error) => {
    throw new UserError(
      `The laptop does not answer at ${describeEndpoint(address, STATUS_PORT)}: ${describeError(error)}`,
      {
        hints: ["Is the cable plugged in? The disk stands still as well then, and goes on when the link is back"],
        cause: error,
      },
    );
  });
  const status = parseStatus(text);
  if (status === undefined) {
    throw new UserError("The laptop answers in a form that this version does not know", {
      hints: ["Its image and this copy of stiefelsystem must be of one version; its page may tell more"],
    });
  }
  return { text, status };
}

async function openPage(
  system: System,
  ui: Ui,
  { address, env }: { readonly address: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  const url = formatUrl(address);
  if (url === undefined) {
    throw new UserError(`A browser cannot open the laptop's address ${address}: it is one of a link`);
  }
  try {
    await system.run(["xdg-open", url], { env, timeoutMs: 30_000 });
    ui.say(`Opened ${url}`);
  } catch (error) {
    throw new UserError(`No browser could be opened: ${describeError(error)}`, {
      hints: [`Open this address yourself: ${url}`],
      cause: error,
    });
  }
}

/** Undefined for an address of a link: a URL has no place for the link's name (RFC 9844). */
function formatUrl(address: string): string | undefined {
  return needsScope(address) ? undefined : `http://${describeEndpoint(address, STATUS_PORT)}/`;
}
