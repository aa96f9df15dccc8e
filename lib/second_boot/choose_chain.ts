/** Which of the laptop's signed boot loaders start its kernel: facts in, decision out. Pure. */

import { type KernelSignature, readKernelSigners } from "../boot/kernel_signers.ts";
import { findBytes } from "../formats/bytes.ts";
import { readGrubDirectory } from "./signed_grub.ts";

/** A shim and the GRUB beside it. */
export interface LoaderPair {
  /** For people. */
  readonly place: string;
  readonly shim: Uint8Array;
  readonly grub: Uint8Array;
}

export interface SignedChain extends Pick<LoaderPair, "shim" | "grub"> {
  /** Where GRUB looks for its configuration, below EFI. */
  readonly directory: string;
}

export type ChainChoice =
  | { readonly kind: "chain"; readonly chain: SignedChain }
  | { readonly kind: "none"; readonly why: string };

/**
 * The first pair whose shim has a certificate built in that names who has signed both its GRUB and the kernel. What
 * the signatures are worth, firmware and shim find out; a wrong yes costs a restart.
 * @param kernel of the kernel that it shall start
 */
export function chooseChain(pairs: readonly LoaderPair[], kernel: KernelSignature | undefined): ChainChoice {
  if (kernel?.kind !== "signed") return { kind: "none", why: "its kernel is not signed" };
  if (pairs.length === 0) {
    return { kind: "none", why: "there is no EFI system partition with shimx64.efi and grubx64.efi" };
  }
  const reasons: string[] = [];
  for (const { place, shim, grub } of pairs) {
    const directory = readGrubDirectory(grub);
    const signers = readKernelSigners(grub);
    if (readKernelSigners(shim).kind !== "signed") reasons.push(`${place}: its shim is not signed`);
    else if (directory === undefined) reasons.push(`${place}: where its GRUB finds its configuration is not known`);
    else if (signers.kind !== "signed" || !vouchesFor(shim, signers)) {
      reasons.push(`${place}: its shim does not vouch for its GRUB`);
    } else if (!vouchesFor(shim, kernel)) reasons.push(`${place}: its shim does not vouch for the kernel`);
    else return { kind: "chain", chain: { directory, shim, grub } };
  }
  return { kind: "none", why: reasons.join("; ") };
}

/** A certificate that is built into shim has its names as plain bytes (X.509, DER). */
function vouchesFor(shim: Uint8Array, { names }: Extract<KernelSignature, { kind: "signed" }>): boolean {
  return names.some((name) => name !== "" && findBytes(shim, new TextEncoder().encode(name)) >= 0);
}
