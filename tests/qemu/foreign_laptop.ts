/** The signed boot loaders and the kernel of a laptop that another distribution has installed. */

import { createSigner, withoutSignature, withVendorCertificate } from "../support/foreign_chain.ts";
import { fetchDebianFiles } from "./firmware_files.ts";
import type { QemuTest } from "./machines.ts";

export interface ForeignChain {
  readonly shim: Uint8Array;
  readonly grub: Uint8Array;
  readonly kernel: Uint8Array;
  /** That the firmware has to trust for the shim, as it trusts Microsoft's; in DER. */
  readonly firmwareCertificate: Uint8Array;
}

/**
 * Made of Debian's own, with certificates that are new each time.
 * Runs `mmdebstrap`, `tar`, `openssl`, `osslsigncode`.
 */
export async function fetchForeignChain(rig: QemuTest): Promise<ForeignChain> {
  const { system, options: { runDirectory } } = rig;
  const { disk } = await rig.machines();
  const tree = await fetchDebianFiles(rig, "loaders", ["shim-signed", "grub-efi-amd64-signed"]);
  const read = async (path: string): Promise<Uint8Array> => withoutSignature(await system.readFile(path));
  const firmware = await createSigner(system, runDirectory, "Another UEFI CA");
  const vendor = await createSigner(system, runDirectory, "Another Secure Boot CA");
  const shim = await read(`${tree}/x/usr/lib/shim/shimx64.efi.signed`);
  return {
    shim: await firmware.sign(withVendorCertificate(shim, vendor.certificate)),
    grub: await vendor.sign(await read(`${tree}/x/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed`)),
    kernel: await vendor.sign(await read(disk.kernelPath)),
    firmwareCertificate: firmware.certificate,
  };
}
