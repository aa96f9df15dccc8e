/**
 * What a desktop that starts over the network may have: the boot loaders of this image, its kernel, and the part of its
 * initrd that holds no secret.
 */
import { UserError } from "../../../lib/errors.ts";
import { buildCpio } from "../../../lib/formats/cpio.ts";
import {
  COMPLETE_PATH,
  NETBOOT_DIRECTORY,
  parsePublicInitrd,
  PUBLIC_INITRD_PATH,
} from "../../../lib/formats/public_initrd.ts";
import type { HostedFile } from "../../../lib/net/file_host.ts";
import type { System } from "../../../lib/system/system.ts";

/** The initrd that this machine was started with, kept by the kernel parameter retain_initrd (Linux 6.8 and later). */
const keptInitrdPath = "/sys/firmware/initrd";

/**
 * Cuts the public part out of the initrd that this machine was started with, and compares its sum with what the builder
 * of the image has noted: what lies behind it holds the shared key. Runs `dd`, `sha256sum`.
 * @returns where it is
 * @throws {UserError} when there is none that may be given away
 */
export async function cutPublicInitrd(system: System, workDirectory: string): Promise<string> {
  const text = await system.readText(PUBLIC_INITRD_PATH).catch((cause) => {
    throw new UserError("This image has no files for desktops that start over the network", {
      cause,
      hints: ['Build it with "netboot.links" in the configuration'],
    });
  });
  const { sizeBytes, sha256 } = parsePublicInitrd(text);
  const path = `${workDirectory}/netboot/initrd`;
  await system.makeDirectory(`${workDirectory}/netboot`);
  await system.remove(path);
  await system.run([
    ...["dd", `if=${keptInitrdPath}`, `of=${path}`, "bs=1M"],
    ...[`count=${sizeBytes}`, "iflag=count_bytes,fullblock"],
  ]).catch((cause) => {
    throw new UserError("The initrd that this machine was started with is not there any more", {
      cause,
      hints: ["The server needs the kernel parameter retain_initrd, and Linux 6.8 or later"],
    });
  });
  const { stdout } = await system.run(["sha256sum", path]);
  if (!stdout.startsWith(`${sha256} `)) {
    await system.remove(path);
    throw new UserError(
      "The initrd that this machine was started with is not the one that was built: nothing is given away",
    );
  }
  // So that the desktop sees that its memory was enough (image/initrd: supervise-agent).
  const end = buildCpio([{ kind: "file", path: COMPLETE_PATH.slice(1), mode: 0o644, content: new Uint8Array() }]);
  await system.run(["dd", `of=${path}`, "bs=4", `seek=${sizeBytes / 4}`, "conv=notrunc"], { stdin: end });
  return path;
}

/** By the last part of the path that they are asked by. */
const names = [
  "boot.ipxe",
  "grub.cfg",
  "grubx64.efi",
  "initrd",
  "kernel",
  "shimx64.efi",
  "undionly.kpxe",
] as const;
export type NetbootName = typeof names[number];

/**
 * Firmwares and boot loaders ask odd paths: "//file", "grub.cfg-01-52-54-…" before "grub.cfg", a name with ".0" or with
 * the rest of an old buffer behind it. Pure.
 * @returns undefined for a file that there is not
 */
export function findNetbootName(path: string): NetbootName | undefined {
  const [plain = ""] = path.split(/[?#]/, 1);
  const last = plain.split(/[/\\]|%2f|%5c/i).findLast((part) => part !== "") ?? "";
  return names.find((name) => last.toLowerCase().startsWith(name));
}

/** @param initrd the one that is given away */
export async function findNetbootFile(
  system: System,
  name: NetbootName,
  { initrd, directory = NETBOOT_DIRECTORY }: { readonly initrd: string; readonly directory?: string },
): Promise<HostedFile | undefined> {
  const path = name === "initrd" ? initrd : `${directory}/${name === "grub.cfg" ? "grub/grub.cfg" : name}`;
  const status = await system.stat(path);
  if (status?.kind !== "file") return undefined;
  return { sizeBytes: status.sizeBytes, open: (part) => system.openRead(path, part) };
}
