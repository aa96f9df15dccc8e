/** How the search for boot files on a disk goes on, from what was seen so far. Pure. */

import type { BootError } from "../boot_error.ts";
import type { BootDecision } from "./menu/decide_boot.ts";

/** What follows from the places so far: a decision, a reason against one, or nothing at all. */
export interface Outcome {
  readonly decision?: BootDecision;
  readonly refusal?: BootError;
}

export interface SearchFacts extends Outcome {
  /** One of the places was set up for desktops. */
  readonly hasStatement: boolean;
  /** Partitions for LVM whose volumes were not looked at yet. */
  readonly physicalVolumes: readonly string[];
  /** Encrypted partitions that were not looked into. */
  readonly encrypted: readonly string[];
  readonly hasPassphrase: boolean;
}

export type SearchStep =
  | { readonly kind: "look-into-volumes"; readonly physicalVolumes: readonly string[] }
  /** @param unseen encrypted partitions that may hold what setup-server has written: a notice */
  | { readonly kind: "open"; readonly decision: BootDecision; readonly unseen: readonly string[] }
  | { readonly kind: "unlock"; readonly devices: readonly string[] }
  | { readonly kind: "ask-for-passphrase"; readonly devices: readonly string[] }
  | { readonly kind: "refuse"; readonly refusal: BootError }
  /** Nothing was found, for the reasons that were noted. */
  | { readonly kind: "give-up" };

/**
 * Plain partitions come first, then logical volumes, then what is encrypted. Where something was set up for desktops,
 * that alone counts; an ESP shows how the laptop starts by itself, and what was set up may be in a /boot behind LVM.
 */
export function decideSearchStep(facts: SearchFacts): SearchStep {
  const { decision, refusal, hasStatement, physicalVolumes, encrypted, hasPassphrase } = facts;
  if (!hasStatement && physicalVolumes.length > 0) return { kind: "look-into-volumes", physicalVolumes };
  if (decision !== undefined) return { kind: "open", decision, unseen: hasStatement ? [] : encrypted };
  if (hasStatement && refusal !== undefined) return { kind: "refuse", refusal };
  if (encrypted.length === 0) return { kind: "give-up" };
  return { kind: hasPassphrase ? "unlock" : "ask-for-passphrase", devices: encrypted };
}
