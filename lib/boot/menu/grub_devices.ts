/**
 * GRUB's names of devices, and which of the partitions we have they mean. Pure.
 *
 * A name is the one of a partition we know, what GRUB calls one on its machine ("hd0,gpt2", "lvmid/…"), or, where
 * `search` looked for one that we do not have, "uuid/…" or "label/…".
 */

/** A partition as far as `search` can tell it from others. */
export interface GrubPartition {
  /** What variables like `$root` hold. */
  readonly name: string;
  readonly uuid?: string | undefined;
  readonly label?: string | undefined;
  /** In the partition table. */
  readonly number?: number | undefined;
  /** What fstab(5) on it has for "/", where nothing else tells it apart. */
  readonly rootSource?: string | undefined;
}

/** Names that were found out to mean one partition, from what the menu's own entries do. */
export type KnownNames = ReadonlyMap<string, string>;

export class GrubDevices {
  constructor(
    /** The first is the one the configuration is on. */
    private readonly partitions: readonly GrubPartition[],
    private readonly known: KnownNames = new Map(),
    /**
     * As long as nothing was found out, a name we do not know may be any partition of which we know nothing that
     * contradicts.
     */
    private readonly isLearning = false,
  ) {}

  get own(): string {
    return this.partitions[0]?.name ?? "";
  }

  get all(): readonly string[] {
    return this.partitions.map(({ name }) => name);
  }

  /** What `search` sets its variable to. */
  findByUuid(uuid: string): string {
    return this.partitions.find((partition) => partition.uuid?.toLowerCase() === uuid.toLowerCase())?.name ??
      `uuid/${uuid.toLowerCase()}`;
  }

  findByLabel(label: string): string {
    return this.partitions.find((partition) => partition.label === label)?.name ?? `label/${label}`;
  }

  uuidOf(device: string): string | undefined {
    if (device.startsWith("uuid/")) return device.slice("uuid/".length);
    return this.partitions.find(({ name }) => name === device)?.uuid;
  }

  /** Whether it is known which partition it means; else it is one that nothing contradicts. */
  isKnown(device: string): boolean {
    return this.all.includes(device) || this.known.has(device);
  }

  /** @returns partitions it may be, the likeliest first; none for one that we do not have */
  resolve(device: string): readonly string[] {
    const named = this.partitions.find(({ name }) => name === device)?.name ?? this.known.get(device);
    if (named !== undefined) return [named];
    const kind = kindOf(device);
    const possible = this.partitions.filter((partition) => mayBe(partition, kind, device)).map(({ name }) => name);
    if (this.isLearning) return possible;
    // Once a name of this kind is known for a partition, another name of the kind is another partition.
    const taken = new Set([...this.known].filter(([name]) => kindOf(name) === kind).map(([, name]) => name));
    return possible.filter((name) => !taken.has(name));
  }
}

type Kind = "uuid" | "label" | "name";

function kindOf(device: string): Kind {
  return device.startsWith("uuid/") ? "uuid" : device.startsWith("label/") ? "label" : "name";
}

function mayBe(partition: GrubPartition, kind: Kind, device: string): boolean {
  if (kind !== "name") return partition[kind] === undefined;
  const number = /,(?:gpt|msdos)?(\d+)$/.exec(device)?.[1];
  return number === undefined || partition.number === undefined || partition.number === Number(number);
}

/** For people: "the file system with UUID 1234". */
export function describeDevice(device: string): string {
  if (device.startsWith("uuid/")) return `the file system with UUID ${device.slice("uuid/".length)}`;
  if (device.startsWith("label/")) return `the file system labelled "${device.slice("label/".length)}"`;
  return `GRUB's device "${device}"`;
}

export interface DevicePath {
  /** Without parentheses; undefined where the path names none. */
  readonly device: string | undefined;
  readonly path: string;
}

/** `(hd0,gpt2)/vmlinuz`. */
export function splitDevice(text: string): DevicePath {
  const match = /^\(([^)]*)\)([\s\S]*)$/.exec(text);
  return match === null ? { device: undefined, path: text } : { device: match[1] ?? "", path: match[2] ?? "" };
}
