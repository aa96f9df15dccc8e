/**
 * Which part of the image's initrd holds no secret, and may be given to a desktop that starts over the network: a JSON
 * file that the image builder writes behind all other parts, and the server reads.
 */
import * as v from "valibot";
import { formatJsonLine, integer, type JsonFormat, type Parsed, parseJsonLine } from "./json.ts";

/**
 * The kernel parameter of a server that gives it away: what it was started with stays in memory, and can be read in
 * /sys/firmware/initrd (Linux 6.8 and later; Documentation/admin-guide/kernel-parameters.txt).
 */
export const RETAIN_INITRD = "retain_initrd";
/** Where the file is inside the image. */
export const PUBLIC_INITRD_PATH = "/etc/stiefelsystem/public-initrd.json";
/** Inside the image: boot loaders for the network, the kernel, GRUB's menu. */
export const NETBOOT_DIRECTORY = "/usr/lib/stiefelsystem/netboot";
/** An empty file, the last of every initrd: where it is missing, memory ran out while the kernel unpacked it. */
export const COMPLETE_PATH = "/usr/lib/stiefelsystem/complete";

const PublicInitrdSchema = v.strictObject({
  version: v.literal(1),
  /** The initrd's first bytes, up to here: whole archives, with the zeros between them. */
  sizeBytes: integer(1, 2 ** 32 - 1),
  /** Of these bytes. A server that does not find this sum gives nothing away. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

export type PublicInitrd = Parsed<typeof PublicInitrdSchema>;

const FORMAT: JsonFormat<PublicInitrd> = {
  what: "The description of the initrd's public part",
  schema: PublicInitrdSchema,
  maxBytes: 1024,
};

/** One line of JSON and a newline. @throws ProtocolError malformed */
export function formatPublicInitrd(value: PublicInitrd): string {
  return formatJsonLine(value, FORMAT);
}

/** @throws ProtocolError truncated, malformed or oversize */
export function parsePublicInitrd(text: string): PublicInitrd {
  return parseJsonLine(text, FORMAT);
}
