/**
 * The handover: what the laptop's own system tells the image it restarts into. It knows which disk it runs from and
 * with which kernel command line; so the server needs neither the boot loader's configuration nor, where it gets
 * kernel and initramfs as well, the boot partition.
 *
 * A cpio archive behind the image's initrd, in memory only: the kernel unpacks it into the image's root file system.
 * The description comes last, so that where it is, the rest was unpacked before it; sizes are compared all the same.
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import { archivePaddingBytes, cpioPaddingBytes, formatCpioHeader, formatCpioTrailer } from "./cpio.ts";
import { formatJson, integer, type JsonFormat, type Parsed, parseJson, printable } from "./json.ts";
import { COMMAND_LINE_MAX_BYTES } from "./kernel_command_line.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

/** Where it is inside the image. */
export const HANDOVER_DIRECTORY = "/etc/stiefelsystem/handover";
/**
 * Where, on the laptop's own system, the autokexec agent puts image and handover together: a tmpfs that only it sees.
 */
export const JOIN_DIRECTORY = "/run/stiefel-handover";
/** Names below {@link HANDOVER_DIRECTORY}. */
export const HANDOVER_FILES = { description: "handover.json", kernel: "kernel", initramfs: "initramfs" } as const;
/** The description never grows beyond this. */
export const HANDOVER_MAX_BYTES = 16 * 1024;

const name = v.pipe(printable(256), v.minLength(1));

const DiskIdentitySchema = v.strictObject({
  sizeBytes: integer(1, Number.MAX_SAFE_INTEGER),
  /** Its name on the laptop's own system: for people only, as the image may name its disks in another order. */
  path: name,
  model: v.exactOptional(name),
  serial: v.exactOptional(name),
  wwn: v.exactOptional(name),
  /** The partition table's identity: the disk's GUID of GPT, the disk signature of MBR. */
  tableUuid: v.exactOptional(name),
  /** UUID of what the whole disk holds, where it has no partition table. */
  uuid: v.exactOptional(name),
});

const PairSchema = v.strictObject({
  /** Both have been there when the handover was made, and are no larger than the boot exchange can send. */
  kernelBytes: integer(1, 2 ** 32 - 1),
  initramfsBytes: integer(1, 2 ** 32 - 1),
});

const HandoverSchema = v.pipe(
  v.strictObject({
    version: v.literal(1),
    /** What the laptop is called, so that desktops know it again as a server. Absent: its model. */
    name: v.exactOptional(v.pipe(printable(64), v.minLength(1))),
    disk: DiskIdentitySchema,
    /** Name of the system: the title of the boot entry. */
    title: v.exactOptional(name),
    /**
     * That of the running kernel, without what belongs to that start only. Absent: read the disk's boot loader.
     */
    commandLine: v.exactOptional(v.pipe(printable(COMMAND_LINE_MAX_BYTES), v.regex(/\S/))),
    /** Sizes of kernel and initramfs for desktops. Absent: read them from the disk. */
    pair: v.exactOptional(PairSchema),
    /** By which that initramfs can attach the disk, as setup-server has noted it. */
    transports: v.exactOptional(v.pipe(v.array(name), v.maxLength(8))),
    /** It can do so through a tunnel. */
    canTunnel: v.exactOptional(v.literal(true)),
  }),
  v.check(({ commandLine, pair }) => pair === undefined || commandLine !== undefined, "a pair without command line"),
);

export type Handover = Parsed<typeof HandoverSchema>;
export type DiskIdentity = Handover["disk"];

const FORMAT: JsonFormat<Handover> = { what: "The handover", schema: HandoverSchema, maxBytes: HANDOVER_MAX_BYTES };

/**
 * The text of the description: one line of JSON and a newline.
 * @throws ProtocolError malformed or oversize
 */
export function formatHandover(handover: Handover): string {
  return `${decodeUtf8(formatJson(handover, FORMAT), FORMAT.what)}\n`;
}

/**
 * Reads the text of the description.
 * @throws ProtocolError truncated (no newline at the end), malformed or oversize
 */
export function parseHandover(text: string): Handover {
  if (!text.endsWith("\n")) throw new ProtocolError("truncated", `${FORMAT.what} does not end with a newline`);
  return parseJson(encodeUtf8(text.slice(0, -1)), FORMAT);
}

/** A file of the running system. */
export interface SizedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface HandoverFiles {
  readonly kernel: SizedFile;
  /** As a boot loader would load them, one after the other. */
  readonly initramfs: readonly SizedFile[];
}

/** The sizes of what {@link planHandoverArchive} makes of the files: several initramfs become one. */
export function pairOf({ kernel, initramfs }: HandoverFiles): NonNullable<Handover["pair"]> {
  const initramfsBytes = initramfs.reduce((sum, { sizeBytes }) => sum + sizeBytes + cpioPaddingBytes(sizeBytes), 0);
  return { kernelBytes: kernel.sizeBytes, initramfsBytes };
}

/** Bytes as they are, or all of a file. */
export type ArchivePiece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | ({ readonly kind: "file" } & SizedFile);

/**
 * What has to be written one after the other for an initrd with the handover in it: the image's initrd, then the
 * archive, not compressed, as kernel and initramfs are compressed already and the image has to unpack it.
 * @param files exactly when the handover has a pair
 */
export function planHandoverArchive(
  { initrd, handover, files }: {
    readonly initrd: SizedFile;
    readonly handover: Handover;
    readonly files?: HandoverFiles | undefined;
  },
): readonly ArchivePiece[] {
  let inode = 0;
  const header = (kind: "file" | "directory", path: string, dataBytes: number): ArchivePiece => {
    const mode = kind === "file" ? 0o600 : 0o700;
    inode += 1;
    return { kind: "bytes", bytes: formatCpioHeader({ kind, path, mode, dataBytes, inode }) };
  };
  const directory = HANDOVER_DIRECTORY.slice(1);
  const member = (fileName: string, content: readonly ArchivePiece[]): readonly ArchivePiece[] => {
    const dataBytes = content.reduce((sum, piece) => sum + sizeOfPiece(piece), 0);
    return [header("file", `${directory}/${fileName}`, dataBytes), ...content, zeros(cpioPaddingBytes(dataBytes))];
  };
  const pair = files === undefined ? [] : [
    ...member(HANDOVER_FILES.kernel, [{ kind: "file", ...files.kernel }]),
    ...member(
      HANDOVER_FILES.initramfs,
      files.initramfs.flatMap((file) => [{ kind: "file", ...file }, zeros(cpioPaddingBytes(file.sizeBytes))]),
    ),
  ];
  return [
    { kind: "file", ...initrd },
    zeros(archivePaddingBytes(initrd.sizeBytes)),
    // Its parents are in the image.
    header("directory", directory, 0),
    ...pair,
    ...member(HANDOVER_FILES.description, [{ kind: "bytes", bytes: encodeUtf8(formatHandover(handover)) }]),
    { kind: "bytes", bytes: formatCpioTrailer() },
  ].filter((piece): piece is ArchivePiece => sizeOfPiece(piece as ArchivePiece) > 0);
}

export function sizeOfPiece(piece: ArchivePiece): number {
  return piece.kind === "file" ? piece.sizeBytes : piece.bytes.length;
}

function zeros(length: number): ArchivePiece {
  return { kind: "bytes", bytes: new Uint8Array(length) };
}
