/**
 * `/run/stiefelsystem/session.state`: written by stiefel-attach (attach/rules.sh) on a system that runs from a laptop's
 * disk (doc/hooks.md). Lines KEY=value; shell scripts read others of them. Pure.
 */
import { engineTransport } from "./engine.ts";

export const sessionStatePath = "/run/stiefelsystem/session.state";

/** What is absent was not known to the initramfs that has written the file. */
export interface SessionState {
  /** Of the laptop, where its status is asked for. */
  readonly statusAddress?: string;
  /** The disk is that of a storage system: no laptop can be asked. */
  readonly hasEngine?: true;
  readonly transport?: string;
  /** "/dev/nvme0n1" */
  readonly disk?: string;
  readonly linkName?: string;
  /** How often the link had lost its carrier when the disk was attached. */
  readonly linkDownCount?: number;
  /** Only where the disk's blocks are encrypted. */
  readonly tunnelName?: string;
}

export function parseSessionState(text: string): SessionState {
  const read = (key: string, form: string): string | undefined =>
    new RegExp(`^STIEFEL_${key}=(${form})$`, "m").exec(text)?.[1];
  const link = "[a-z0-9]{1,15}";
  const downCount = read("LINK_DOWN_COUNT", "\\d{1,10}");
  const transport = read("TRANSPORT", "[a-z0-9-]{1,32}");
  const state = {
    statusAddress: read("STATUS_ADDRESS", "[0-9a-fA-F:.]+(?:%[\\w.-]+)?"),
    hasEngine: transport === engineTransport ? true : undefined,
    transport,
    disk: read("DISK", "/dev/[a-z0-9]{1,32}"),
    linkName: read("LINK_NAME", link),
    linkDownCount: downCount === undefined ? undefined : Number(downCount),
    tunnelName: read("TUNNEL_NAME", link),
  };
  return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined));
}
