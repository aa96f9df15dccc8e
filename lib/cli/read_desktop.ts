/** Reads what a desktop itself sees of the laptop's disk. */
import type { DesktopFacts } from "../describe_desktop.ts";
import { networkStatePath, parseNetworkState } from "../formats/network_state.ts";
import type { SessionState } from "../formats/session_state.ts";
import { readKernelFiles } from "../system/kernel_files.ts";
import type { System } from "../system/system.ts";

/** Written by stiefel-attach (attach/prepare.sh and rules.sh). */
const swapRule = "/run/systemd/system/swap.d/50-stiefelsystem.conf";
const swapPermission = "/run/stiefelsystem/allow-swap";
const sleepRule = "/run/systemd/sleep.conf.d/zz-stiefelsystem.conf";

/**
 * Runs `grep`.
 * @param measureRoundTrip milliseconds; undefined when the laptop does not answer
 */
export async function readDesktop(
  system: System,
  session: SessionState,
  measureRoundTrip: () => Promise<number | undefined>,
): Promise<DesktopFacts> {
  const link = await readLink(system, session.linkName);
  const roundTripMs = await measureRoundTrip();
  const network = parseNetworkState(await system.readText(networkStatePath).catch(() => ""));
  const has = async (path: string): Promise<boolean> => await system.stat(path) !== undefined;
  const mounts = (await readKernelFiles(system, ["/proc/mounts"])).get("/proc/mounts") ?? "";
  return {
    session,
    ...link === undefined ? {} : { link },
    ...roundTripMs === undefined ? {} : { roundTripMs },
    ...network === undefined ? {} : { network },
    isSwapOff: await has(swapRule) && !await has(swapPermission),
    isSleepOff: await has(sleepRule),
    isFirmwareHidden: /^stiefelsystem \/sys\/firmware\/efi\/efivars tmpfs /m.test(mounts),
  };
}

async function readLink(system: System, name: string | undefined): Promise<DesktopFacts["link"]> {
  if (name === undefined) return undefined;
  const directory = `/sys/class/net/${name}`;
  const errors = ["rx_errors", "tx_errors"].map((counter) => `${directory}/statistics/${counter}`);
  const files = await readKernelFiles(
    system,
    [...["ifindex", "carrier", "speed", "carrier_down_count"].map((file) => `${directory}/${file}`), ...errors],
  );
  if (!files.has(`${directory}/ifindex`)) return undefined;
  const read = (file: string): number | undefined => {
    const text = files.get(`${directory}/${file}`);
    // A card that does not know its speed says -1.
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const [speedMbps, downCount] = [read("speed"), read("carrier_down_count")];
  return {
    hasCarrier: read("carrier") === 1,
    ...speedMbps === undefined || speedMbps === 0 ? {} : { speedMbps },
    packetErrors: (read("statistics/rx_errors") ?? 0) + (read("statistics/tx_errors") ?? 0),
    ...downCount === undefined ? {} : { downCount },
  };
}
