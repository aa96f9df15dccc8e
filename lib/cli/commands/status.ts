/** `status`: what the laptop says whose disk this desktop runs from. */

import { describeError, UserError } from "../../errors.ts";
import { listStatusRows } from "../../describe_status.ts";
import { parseSessionState, sessionStatePath } from "../../formats/session_state.ts";
import { parseStatus, STATUS_PORT } from "../../formats/status.ts";
import { escapeUnprintable } from "../../formats/text.ts";
import { describeEndpoint, needsScope } from "../../net/address.ts";
import { askPage } from "../../net/ask_page.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";

export interface StatusOptions {
  readonly isJson?: boolean;
  /** In the browser of the user's desktop session, which these variables name. */
  readonly openWith?: Readonly<Record<string, string>>;
}

/**
 * Reads session.state, connects to the laptop; runs `xdg-open` on wish.
 * @throws {UserError} where this system does not run from a laptop's disk, or the laptop does not answer
 */
export async function showStatus(
  system: System,
  ui: Ui,
  options: StatusOptions,
  ask: typeof askLaptop = askLaptop,
): Promise<void> {
  const address = await findLaptop(system);
  if (options.openWith !== undefined) return await openPage(system, ui, { address, env: options.openWith });
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
  if (options.isJson) return ui.result(escapeUnprintable(JSON.stringify(JSON.parse(text))));
  const url = formatUrl(address);
  const rows = [
    { label: "Laptop", text: status.name },
    ...listStatusRows(status),
    ...url === undefined ? [] : [{ label: "Page", text: url }],
  ];
  const width = Math.max(...rows.map(({ label }) => label.length));
  for (const { label, text } of rows) ui.result(`${label.padEnd(width)}  ${text}`);
}

/**
 * The laptop's address, on a desktop.
 * @throws {UserError} elsewhere
 */
export async function findLaptop(system: System): Promise<string> {
  if (await system.stat(sessionStatePath) === undefined) {
    throw new UserError("This system does not run from the disk of a laptop", {
      hints: ["This command is for a desktop that was started from a laptop"],
    });
  }
  const { statusAddress, hasEngine } = parseSessionState(await system.readText(sessionStatePath));
  if (statusAddress !== undefined) return statusAddress;
  if (hasEngine) {
    throw new UserError("The disk of this desktop is that of a storage system: no laptop knows of its state", {
      hints: ["Shut it down as always (poweroff); doc/fleet.md"],
    });
  }
  throw new UserError(
    "The initramfs of this desktop is older than this command: it did not note the laptop's address",
    {
      hints: ["Run setup-server again, on the laptop, then start this desktop again"],
    },
  );
}

/** @returns `status.json`; it throws as {@link askPage} does */
export async function askLaptop(address: string): Promise<string> {
  return await askPage({ address, port: STATUS_PORT }, "/status.json");
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
