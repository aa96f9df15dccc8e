/**
 * Stage "netboot": what a server gives to desktops that start over the network, beside the initrd's public part. Runs
 * `mmdebstrap` as the stage "base" does, and `tar`.
 */
import { formatNetbootHook, netbootDirectory } from "../../debian/netboot_loaders.ts";
import { buildCpio, type CpioEntry } from "../../formats/cpio.ts";
import { NETBOOT_DIRECTORY } from "../../formats/public_initrd.ts";
import { encodeUtf8 } from "../../formats/text.ts";
import { hashText } from "../../hash.ts";
import { formatNetbootMenu, formatNetbootScript, netbootMenuPath, netbootScriptName } from "../netboot_menu.ts";
import type { StageRecord } from "../stage_record.ts";
import { treeName } from "./base.ts";
import type { StageContext } from "./context.ts";
import { downloadFolder } from "./download.ts";
import { findKernelVersion } from "./kernel_version.ts";

export async function buildNetboot(context: StageContext): Promise<StageRecord> {
  const { system, request, directory } = context;
  await downloadFolder(context, {
    hook: formatNetbootHook(),
    folder: netbootDirectory,
    failure: "Debian's boot loaders for the network cannot be fetched",
  });
  const from = `${directory}/${netbootDirectory}`;
  const tree = `${context.result("base").directory}/${treeName}`;
  const to = NETBOOT_DIRECTORY.slice(1);
  const file = (name: string, content: Uint8Array): CpioEntry => (
    { kind: "file", path: `${to}/${name}`, mode: 0o644, content }
  );
  const loaders = await Promise.all(
    (await system.readDirectory(from)).map(async (name) => file(name, await system.readFile(`${from}/${name}`))),
  );
  const kernel = await system.readFile(`${tree}/boot/vmlinuz-${await findKernelVersion(system, tree)}`);
  const settings = request.netboot ?? { cmdline: [] };
  // Its parents are in the part "overlay".
  const archive = buildCpio([
    { kind: "directory", path: to, mode: 0o755 },
    { kind: "directory", path: `${to}/grub`, mode: 0o755 },
    ...loaders,
    file(netbootMenuPath, encodeUtf8(formatNetbootMenu(settings))),
    file(netbootScriptName, encodeUtf8(formatNetbootScript(settings))),
    file("kernel", kernel),
  ]);
  // Not compressed: what is large in it is already.
  await system.writeFile(`${directory}/part.cpio`, archive);
  await system.remove(from);
  return {
    fingerprint: hashText(archive),
    part: "part.cpio",
    sizeBytes: archive.length,
    unpackedBytes: archive.length,
    summary: `${loaders.length} boot loaders, the kernel`,
  };
}
