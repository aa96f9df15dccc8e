/** How nbdkit lends a disk to one client. Pure. */
import { isAddressWithZone } from "../../formats/address.ts";
import { nbdkitLogArguments } from "./nbdkit_log.ts";

export interface NbdExportSettings {
  /** Path of a block device (or file, in tests). */
  readonly disk: string;
  readonly readOnly?: boolean;
  /** The network namespace in which it listens. Absent: our own. */
  readonly namespace?: string;
  /** The one address to listen on; a link-local one with its zone (`fe80::1%eth0`). */
  readonly listenAddress: string;
  readonly port: number;
  /** The one address that may connect; a zone is ignored, as the listening address is bound to its link already. */
  readonly allowAddress: string;
  /** The only export; asking for any other name, or for none, is refused. */
  readonly exportName: string;
  /** The disk's logical block size: a power of two, 512 to 65536. Another one would shift or truncate partitions. */
  readonly blockSizeBytes: number;
}

/**
 * nbdkit(1), nbdkit-file-plugin(1), nbdkit-ip-filter(1), nbdkit-exportname-filter(1),
 * nbdkit-blocksize-policy-filter(1). FUA, flush, trim, zero and several connections are on by themselves in the file
 * plugin.
 * @throws {TypeError} when an address, the name or the block size is not one
 */
export function nbdkitArguments(settings: NbdExportSettings): readonly string[] {
  const allowAddress = settings.allowAddress.split("%", 1)[0] ?? "";
  for (const address of [allowAddress, settings.listenAddress]) {
    if (!isAddressWithZone(address)) throw new TypeError(`"${address}" is not an address`);
  }
  const { blockSizeBytes: size, exportName } = settings;
  if (size < 512 || size > 65536 || (size & (size - 1)) !== 0) throw new TypeError(`Not a block size: ${size}`);
  if (!/^[\w.-]{1,64}$/.test(exportName)) throw new TypeError(`Not an export name: "${exportName}"`);
  return [
    // In the background: nbdkit has itself killed when its parent ends (PR_SET_PDEATHSIG), even when it is not asked
    // to.
    ...nbdkitLogArguments,
    "--newstyle",
    "--tls=off",
    "--threads=16",
    `--ipaddr=${settings.listenAddress}`,
    `--port=${settings.port}`,
    ...(settings.readOnly ? ["--readonly"] : []),
    "--filter=ip",
    "--filter=exportname",
    "--filter=blocksize-policy",
    "file",
    `file=${settings.disk}`,
    `allow=${allowAddress}`,
    "deny=all",
    `exportname=${exportName}`,
    "exportname-strict=true",
    // the name is a secret of this session: never listed
    "exportname-list=empty",
    "exportdesc=none",
    `blocksize-minimum=${size}`,
    `blocksize-preferred=${size}`,
    // 32 MiB, what every client may assume (NBD protocol, "Block size constraints")
    "blocksize-maximum=33554432",
    "blocksize-error-policy=error",
  ];
}
