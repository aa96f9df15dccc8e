/**
 * What each transport needs of the machines at its two ends, as one record each: the image's packages and the grants of
 * the server agent are read from here. Programs and modules of a desktop's initramfs are listed in image/host/generic,
 * for its hooks (lib/initramfs/needs.ts). Data; pure.
 */
import { nbdNeeds } from "./nbd/needs.ts";
import { nvmeEngineNeeds } from "./nvme_engine/needs.ts";
import { nvmeTcpNeeds } from "./nvme_tcp/needs.ts";

export interface TransportNeeds {
  readonly name: string;
  /** The image, which lends the disk. */
  readonly server: {
    /** Debian packages, and the paths that are taken of each (patterns of lib/image/glob.ts). */
    readonly packages: Readonly<Record<string, readonly string[]>>;
    /** Kernel modules relative to /lib/modules/VERSION/kernel, without ".ko". */
    readonly kernelModules: readonly string[];
    /** What the server agent starts for it. */
    readonly programs: readonly string[];
  };
  /** The laptop's own system, which runs on the desktop; its programs and modules: lib/initramfs/needs.ts. */
  readonly desktop: {
    /** What a program for it has to be built with: bytes that are found in it then. */
    readonly builtWith?: {
      readonly program: string;
      readonly bytes: string;
      readonly lack: string;
      readonly cure: string;
    };
    /** How the path of an attached disk begins. */
    readonly device: string;
    /** Disks of a machine's own are called the same. */
    readonly hasCommonNames?: boolean;
  };
}

/** One row a transport, in the order of lib/protocol/session_groups.ts. */
const rows = [nvmeTcpNeeds, nbdNeeds, nvmeEngineNeeds] as const satisfies readonly TransportNeeds[];

type Row = typeof rows[number];
export type TransportName = Row["name"];

export const transportNames: readonly TransportName[] = rows.map(({ name }) => name);
/** Those by which a laptop lends its own disk. */
export const lendingTransports = [nvmeTcpNeeds.name, nbdNeeds.name] as const;

/** Lends by a process alone, and loads no kernel module for it: for a container. */
export const containerTransport: TransportName = nbdNeeds.name;

export const transportNeeds: readonly TransportNeeds[] = rows;
