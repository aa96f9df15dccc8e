/**
 * A second boot: what this desktop's kernel may not start by kexec, its firmware starts by the laptop's own signed boot
 * loaders, from the stick, once (doc/decisions/0028).
 */
import { readKernelSigners } from "../../lib/boot/kernel_signers.ts";
import { judgeKernel, type KernelTrust } from "../../lib/boot/kernel_trust.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import { listDesktopPrograms } from "../../lib/export/desktop_programs.ts";
import type { ArchiveMessage } from "../../lib/protocol/boot_exchange.ts";
import { formatGrubConfig, grubFiles, splitForGrub } from "../../lib/second_boot/grub_config.ts";
import type { PlaceSize } from "../../lib/second_boot/place.ts";
import { type PlacePlan, planPlace, type TextFile } from "../../lib/second_boot/plan_place.ts";
import { awaitPlace, emptyPlace, fillPlace, type UsedPlace } from "../../lib/second_boot/use_place.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, NoTerminal } from "../shared/console.ts";
import type { DesktopFacts } from "./desktop_facts.ts";
import type { StagedArchive } from "./staging.ts";

interface Machine {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
}

interface Situation {
  /** How long it takes at most until a person has answered: waiting for the stick is part of it. */
  readonly waitMs: number;
  readonly trust: KernelTrust;
  readonly facts: Pick<DesktopFacts, "firmware">;
  /** Of the stick's place, from its menu; absent: it has none. */
  readonly partitionUuid: string | undefined;
}

type Offer =
  | { readonly kind: "offer"; readonly used: UsedPlace }
  /** `why` is for people; absent where it would not help either. */
  | { readonly kind: "none"; readonly why?: string };

/** Whether it can be offered. For tests. Runs `lsblk`. */
export async function findOffer(
  { system, signal }: Pick<Machine, "system" | "signal">,
  { trust, facts, partitionUuid, waitMs }: Situation,
): Promise<Offer> {
  // What is not signed, or changed, shim refuses as well; and a BIOS starts no shim.
  if (trust.kind !== "untrusted" || facts.firmware !== "UEFI") return { kind: "none" };
  if (partitionUuid === undefined) {
    return { kind: "none", why: "it has no place for them; setup-client-usbdrive --anew makes a stick that has" };
  }
  try {
    const choice = await awaitPlace(system, partitionUuid, { waitMs, signal });
    if (choice.kind === "none") return { kind: "none", why: choice.why };
    return { kind: "offer", used: { partitionUuid, place: choice.place } };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "none", why: describeError(error) };
  }
}

type Answer =
  | { readonly kind: "accepted"; readonly used: UsedPlace }
  /** `waitMs` are over. */
  | { readonly kind: "declined" }
  | { readonly kind: "not-offered" };

/** Where a second boot would help, a person says whether it shall be. */
export async function offerSecondBoot({ system, console, signal }: Machine, situation: Situation): Promise<Answer> {
  const endMs = system.monotonicMs() + situation.waitMs;
  const offer = await findOffer({ system, signal }, situation);
  if (offer.kind === "none") {
    if (offer.why !== undefined) {
      console.sayRarely(`  The laptop's own boot loaders cannot start it from this stick: ${offer.why}`);
    }
    return { kind: system.monotonicMs() < endMs ? "not-offered" : "declined" };
  }
  if (await askForSecondBoot(console, { signal, waitMs: Math.max(endMs - system.monotonicMs(), leastAnswerMs) })) {
    return { kind: "accepted", used: offer.used };
  }
  const leftMs = endMs - system.monotonicMs();
  if (leftMs > 0) await system.delay(leftMs, signal);
  return { kind: "declined" };
}

/** Also where the stick has come late. */
const leastAnswerMs = 30_000;

const offerLines = [
  "The laptop's own boot loaders can start its kernel here, once, from this stick:",
  "  they, the kernel and its initramfs are written to a partition of the stick that is kept for that,",
  "  and this desktop restarts. Choose the stick in its boot menu then, as before; the rest goes by itself.",
  "  No other disk of this desktop is written to. The next start from the stick removes them.",
];

/** @returns whether a person types "yes" in time. For tests */
export async function askForSecondBoot(
  console: Console,
  { signal, waitMs }: { readonly signal: AbortSignal; readonly waitMs: number },
): Promise<boolean> {
  for (const line of offerLines) console.sayRarely(line);
  const late = AbortSignal.timeout(waitMs);
  try {
    const typed = await console.askLine("Do that? (yes/no): ", AbortSignal.any([signal, late]), () => {});
    return typed.trim().toLowerCase() === "yes";
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted || error instanceof NoTerminal || error instanceof UserError) return false;
    throw error;
  }
}

/** Sizes of what is put on the stick, in bytes. */
export interface StagedSizes {
  readonly kernel: number;
  readonly initramfs: number;
  readonly shim: number;
  readonly grub: number;
}

/**
 * What is written to the place. Pure. For tests.
 * @throws {UserError} when there is no room, or GRUB cannot pass the command line on
 */
export function planSecondBoot(
  place: PlaceSize,
  { archive: { chain, commandLine }, staged, sizes }: {
    readonly archive: Pick<ArchiveMessage, "chain" | "commandLine">;
    readonly staged: StagedArchive;
    readonly sizes: StagedSizes;
  },
): PlacePlan {
  if (chain === undefined) throw new TypeError("The archive has no boot loaders");
  const words = splitForGrub(commandLine);
  if (words === undefined) {
    throw new UserError("The laptop's GRUB cannot pass its kernel command line on: it is too long, or has quotes");
  }
  const directory = `EFI/${chain.directory}`;
  const text = (path: string, value: string): TextFile => ({ path, bytes: new TextEncoder().encode(value) });
  const plan = planPlace(place, {
    copied: [
      // By these names shim and our configuration look for them.
      { path: `${directory}/shimx64.efi`, from: staged.shimPath, sizeBytes: sizes.shim },
      { path: `${directory}/grubx64.efi`, from: staged.grubPath, sizeBytes: sizes.grub },
      { path: `${directory}/${grubFiles.kernel}`, from: staged.kernelPath, sizeBytes: sizes.kernel },
      { path: `${directory}/${grubFiles.initramfs}`, from: staged.initramfsPath, sizeBytes: sizes.initramfs },
    ],
    texts: [
      text(`${directory}/${grubFiles.config}`, formatGrubConfig(words)),
      text(entryPath, formatEntry(`/${directory}/shimx64.efi`)),
    ],
  });
  if (plan !== undefined) return plan;
  throw new UserError("The stick has no room for the laptop's kernel and initramfs", {
    hints: ["Make the initramfs of the laptop's system smaller"],
  });
}

/**
 * "+1": one try, which systemd-boot counts down in the file's name before it starts it (systemd.io, "Automatic Boot
 * Assessment"). By its sort key it comes first, and with no try left last.
 */
const entryPath = "loader/entries/0-once+1.conf";

function formatEntry(program: string): string {
  return [
    "title Start the laptop's system by its own boot loaders, once",
    "sort-key 0-once",
    `efi ${program}`,
  ].map((line) => `${line}\n`).join("");
}

/** Before anything is fetched. @throws {UserError} */
export async function demandRoom(
  system: Pick<System, "stat">,
  place: PlaceSize,
  archive: Pick<ArchiveMessage, "kernelBytes" | "initramfsBytes" | "chain" | "commandLine" | "session">,
): Promise<void> {
  const { kernelBytes, initramfsBytes, chain, session } = archive;
  const [shim = 0, grub = 0] = [chain?.shimBytes, chain?.grubBytes];
  const nowhere = { kernelPath: "", initramfsPath: "", shimPath: "", grubPath: "" };
  // What follows the laptop's initramfs: a few kilobytes, and the programs that the desktop takes along.
  let added = 64 * 1024;
  for (const path of Object.values(listDesktopPrograms(session))) {
    added += (await system.stat(path))?.sizeBytes ?? 0;
  }
  const sizes = { kernel: kernelBytes, initramfs: initramfsBytes + added, shim, grub };
  planSecondBoot(place, { archive, staged: nowhere, sizes });
}

/**
 * Writes all but the switch to the stick, and reads it back. @returns what `armPlace` switches on
 * @throws {UserError} when this desktop's firmware would refuse the shim, or the stick does not keep it
 */
export async function prepareSecondBoot(
  system: System,
  { used, facts, archive, staged }: {
    readonly used: UsedPlace;
    readonly facts: DesktopFacts;
    readonly archive: ArchiveMessage;
    readonly staged: StagedArchive;
  },
): Promise<PlacePlan> {
  demandShim(facts, await system.readFile(staged.shimPath));
  const measure = async (path: string): Promise<number> => (await system.stat(path))?.sizeBytes ?? 0;
  const plan = planSecondBoot(used.place, {
    archive,
    staged,
    sizes: {
      kernel: await measure(staged.kernelPath),
      initramfs: await measure(staged.initramfsPath),
      shim: await measure(staged.shimPath),
      grub: await measure(staged.grubPath),
    },
  });
  await fillPlace(system, used, plan);
  return plan;
}

/**
 * Pure. For tests.
 * @throws {UserError} where the keys of the firmware can be seen, and none of them has signed the shim
 */
export function demandShim(facts: Pick<DesktopFacts, "lockdown" | "trustedKeys">, shim: Uint8Array): void {
  // Where the kernel does not show Microsoft's keys, it shows none of the firmware's.
  if (!(facts.trustedKeys ?? []).some(({ name }) => /\bMicrosoft\b/.test(name))) return;
  const trust = judgeKernel(facts, readKernelSigners(shim));
  if (trust.kind !== "untrusted") return;
  throw new UserError(
    `This desktop's firmware does not trust the laptop's shim, which is signed by "${trust.signer}"`,
    { hints: ["Newer PCs trust Microsoft's CA of 2023 only: update the package of shim on the laptop"] },
  );
}

const readWaitMs = 60_000;
const restartWaitMs = 60_000;

/** The stick is ready: says what is to be done, and restarts this desktop. Runs `reboot` */
export async function restartDesktop({ system, console, signal }: Machine): Promise<never> {
  console.say(
    "The stick is ready. Leave it plugged in, and choose it in the boot menu of this desktop after the restart",
  );
  console.say("The laptop keeps its disk for this desktop for 15 minutes");
  const late = AbortSignal.timeout(readWaitMs);
  await console.askLine("Enter restarts this desktop: ", AbortSignal.any([signal, late]), () => {}).catch((error) => {
    signal.throwIfAborted();
    if (!late.aborted && !(error instanceof NoTerminal) && !(error instanceof UserError)) throw error;
  });
  // That of the image's init (busybox).
  await system.run(["reboot"], { timeoutMs: 120_000 });
  await system.delay(restartWaitMs, signal);
  throw new UserError(`This desktop did not restart within ${restartWaitMs / 1000} s`, {
    hints: ["Switch it off and on: the stick is ready"],
  });
}

/** A stick that is not there by then was pulled out. */
const stickWaitMs = 120_000;

/** What an earlier second boot has left on the stick goes. Never rejects. @param signal ends waiting for the stick */
export async function cleanStick(
  { system, console, signal }: Machine,
  partitionUuid: string | undefined,
): Promise<void> {
  if (partitionUuid === undefined) return;
  try {
    const choice = await awaitPlace(system, partitionUuid, { waitMs: stickWaitMs, signal });
    if (choice.kind === "none") return;
    if (await emptyPlace(system, { partitionUuid, place: choice.place })) {
      console.say("What a second boot had left on the stick is removed");
    }
  } catch (error) {
    if (signal.aborted) return;
    console.sayRarely(`What a second boot has left on the stick cannot be removed: ${describeError(error)}`);
  }
}
