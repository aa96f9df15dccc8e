/** Lending a disk, whatever the transport: which there are, and which is used. Adding one: CONTRIBUTING.md. */
import type { TransportName } from "./needs.ts";
import { nbdTransport } from "./nbd/nbd_transport.ts";
import { nvmeEngineTransport } from "./nvme_engine/engine_transport.ts";
import { nvmeTransport } from "./nvme_tcp/nvme_transport.ts";
import type { DiskParameters, Transport } from "./transport.ts";

/** One row a transport. */
const transports = {
  nbd: nbdTransport,
  "nvme-tcp": nvmeTransport,
  "nvme-engine": nvmeEngineTransport,
} as const satisfies Readonly<
  Record<TransportName | DiskParameters["transport"], unknown>
>;

type SettingsOf<T> = T extends Transport<infer Settings> ? Settings : never;
/** What starts an export: a union, told apart by `transport`. */
export type ExportSettings = SettingsOf<typeof transports[TransportName]>;

export function transportOf(name: TransportName): Transport<ExportSettings> {
  return transports[name];
}
