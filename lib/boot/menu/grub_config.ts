/** `grub.cfg`: what its default entry boots. Pure. */

import type { NamedEntry } from "./entry.ts";
import { describeDevice, GrubDevices } from "./grub_devices.ts";
import { type FileQuestion, type FoundFile, GrubFiles } from "./grub_files.ts";
import type { GrubInput } from "./grub_input.ts";
import { GrubMachine, type Outcome } from "./grub_machine.ts";
import { findByWish, type Menu, type MenuEntry, splitWish } from "./grub_menu.ts";
import type { GrubPath } from "./grub_paths.ts";
import { findKernelPartition, isOn, type LearnedNames, learnGrubNames } from "./learn_grub_names.ts";
import { isRecovery } from "./recovery.ts";

export interface GrubEntry extends NamedEntry {
  /** Name of the partition with the entry's files. */
  readonly partition: string;
}

export interface GrubResult {
  /** The entry GRUB would boot, or the first usable one; undefined when there is none with a kernel. */
  readonly entry: GrubEntry | undefined;
  /** Other entries that start a normal Linux with another command line, in the menu's order; at most 64. */
  readonly others: readonly GrubEntry[];
  /** Questions about files that had no answer yet; evaluate again with them. */
  readonly open: readonly FileQuestion[];
  /** Number of entries that were looked at, for messages. */
  readonly entryCount: number;
  /** Why entries were passed over, and what GRUB skips in the files. */
  readonly notices: readonly string[];
}

/** Where all that the menu starts is on partitions that we do not have. */
const elsewhereAdvice =
  "name the partition with the kernel in boot.part of config.yaml, or kernel, initrd and cmdline in boot.load";

const guessNotice =
  "The boot menu starts several systems, and nothing tells which one is this (its fstab has no root that the menu names): the first is taken";

/** Menus in menus, and files that open files, end here. */
const maximumDepth = 8;
/** A menu of snapshots may have hundreds of entries; what none of these starts is no system of ours. */
const maximumTried = 512;
const maximumListed = 64;

export function evaluateGrubConfig(input: GrubInput): GrubResult {
  const learned = learnGrubNames(input);
  const { result, files } = evaluate(input, learned);
  const open = new Map([...learned.open, ...files.open]);
  return { ...result, open: [...open.values()] };
}

type Evaluated = Omit<GrubResult, "open">;

function evaluate(
  input: GrubInput,
  { names, isGuess }: LearnedNames,
): { readonly result: Evaluated; readonly files: GrubFiles } {
  const devices = new GrubDevices(input.partitions, names);
  const files = new GrubFiles(input.answers);
  const machine = new GrubMachine({ ...input, devices, files });
  const start = machine.start();
  const partitionOf = (path: GrubPath): string | undefined => findKernelPartition(input, { devices, files, path });
  const lacks = ({ kernel, initrds }: LinuxOutcome): string | undefined => {
    const partition = partitionOf(kernel);
    const isThere = (path: GrubPath): boolean => isOn(input, partition ?? "", { devices, files, path }, holdsSomething);
    return partition === undefined ? undefined : [kernel, ...initrds].find((path) => !isThere(path))?.path;
  };
  let chooser = new Chooser(machine, { partitionOf, lacks });
  let entry = chooser.choose(start);
  // Where none is whole, the default is the one to name.
  if (entry === undefined) entry = (chooser = new Chooser(machine, { partitionOf })).choose(start);
  const all = entry === undefined ? [] : new Chooser(machine, { partitionOf, lacks }).list(start);
  const notices = [
    // Where an entry was passed over, that is what its notice is about.
    ...isGuess && chooser.passedOver.length === 0 ? [guessNotice] : [],
    ...machine.notices,
    ...chooser.passedOver.map((reason) => entry === undefined ? reason : `${reason}; the first other entry is taken`),
    ...chooser.notices,
    ...entry === undefined && chooser.isElsewhere ? [elsewhereAdvice] : [],
  ];
  return {
    result: {
      entry: entry && { ...entry, notices },
      others: all.filter(({ commandLine }) => commandLine !== entry?.commandLine),
      entryCount: chooser.seen.size,
      notices,
    },
    files,
  };
}

function holdsSomething(file: FoundFile): boolean {
  return file.kind === "file" && file.sizeBytes > 0;
}

type LinuxOutcome = Outcome & { readonly kind: "linux" };

interface EntryFiles {
  /** Of a kernel; undefined: on one that we do not have. */
  partitionOf(path: GrubPath): string | undefined;
  /** The first file of an entry that is not there; absent: entries need not be whole. */
  lacks?(entry: LinuxOutcome): string | undefined;
}

/** Takes the default, as GRUB would; the next ones when that is no Linux of ours or a recovery entry. */
class Chooser {
  readonly notices: string[] = [];
  /** Why the default was not taken. */
  readonly passedOver: string[] = [];
  readonly seen = new Set<MenuEntry>();

  #isElsewhere = false;

  constructor(
    private readonly machine: GrubMachine,
    private readonly files: EntryFiles,
  ) {}

  /** Whether something that was passed over is on a partition that we do not have. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  choose(outcome: Outcome): GrubEntry | undefined {
    if (outcome.kind === "linux") return this.#toEntry("GRUB", outcome);
    if (outcome.kind !== "menu") return undefined;
    const { menu } = outcome;
    return this.#takeDefault(menu, menu.variables.get("default") ?? "", maximumDepth) ??
      this.#takeFallback(menu) ??
      this.#takeFirst(menu, maximumDepth);
  }

  /** All that start a normal Linux. */
  list(outcome: Outcome, depth = maximumDepth): readonly GrubEntry[] {
    if (outcome.kind !== "menu" || depth === 0) return [];
    const entries: GrubEntry[] = [];
    for (const candidate of outcome.menu.entries) {
      if (this.seen.size >= maximumListed) break;
      const opened = this.#open(candidate, outcome.menu);
      const usable = this.#usable(candidate, opened);
      entries.push(...opened.kind === "menu" ? this.list(opened, depth - 1) : usable === undefined ? [] : [usable]);
    }
    return entries;
  }

  #takeDefault(menu: Menu, wish: string, depth: number): GrubEntry | undefined {
    const { step, rest } = splitWish(wish);
    const chosen = findByWish(menu.entries, step) ?? menu.entries[0];
    if (chosen === undefined || depth === 0) return undefined;
    const outcome = this.#open(chosen, menu);
    if (outcome.kind === "menu") {
      if (chosen.isSubmenu) return this.#takeDefault(outcome.menu, rest, depth - 1);
      return this.#takeDefault(outcome.menu, outcome.menu.variables.get("default") ?? "", depth - 1);
    }
    const entry = this.#usable(chosen, outcome);
    if (entry !== undefined) return entry;
    if (chosen.isSubmenu && outcome.kind === "nothing" && outcome.device === undefined) {
      // A submenu that shows another system's menu is one of these.
      this.notices.push("The boot menu's default has no entries; the first one is taken");
    } else this.#passOver(chosen, outcome);
    return undefined;
  }

  /** GRUB's variable `fallback`: what is tried when the default cannot be started. */
  #takeFallback(menu: Menu): GrubEntry | undefined {
    const wish = menu.variables.get("fallback") ?? "";
    for (const step of [wish, ...wish.split(/\s+/)].filter(Boolean)) {
      const chosen = findByWish(menu.entries, step);
      const entry = chosen === undefined ? undefined : this.#usable(chosen, this.#open(chosen, menu));
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #takeFirst(menu: Menu, depth: number): GrubEntry | undefined {
    for (const candidate of menu.entries) {
      if (this.seen.size > maximumTried) return undefined;
      const outcome = this.#open(candidate, menu);
      const entry = outcome.kind === "menu"
        ? depth === 0 ? undefined : this.#takeFirst(outcome.menu, depth - 1)
        : this.#usable(candidate, outcome);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  #open(entry: MenuEntry, menu: Menu): Outcome {
    if (!entry.isSubmenu) this.seen.add(entry);
    return this.machine.open(entry, menu);
  }

  #usable(menuEntry: MenuEntry, outcome: Outcome): GrubEntry | undefined {
    if (outcome.kind !== "linux" || this.files.lacks?.(outcome) !== undefined) return undefined;
    const entry = this.#toEntry(menuEntry.title, outcome);
    return entry === undefined || isRecovery(entry, menuEntry.id) ? undefined : entry;
  }

  #toEntry(title: string, { kernel, initrds, commandLine }: LinuxOutcome): GrubEntry | undefined {
    const partition = this.files.partitionOf(kernel);
    if (partition === undefined) return undefined;
    // Files of one entry on two partitions are not seen in the wild; where one is not found, the message names it.
    return {
      title,
      kernel: kernel.path,
      initrds: initrds.map(({ path }) => path),
      commandLine,
      notices: [],
      partition,
    };
  }

  #passOver({ title }: MenuEntry, outcome: Outcome): void {
    const device = outcome.kind === "linux"
      ? this.files.partitionOf(outcome.kernel) === undefined ? outcome.kernel.device : undefined
      : outcome.kind === "nothing"
      ? outcome.device
      : undefined;
    const lacking = outcome.kind === "linux" ? this.files.lacks?.(outcome) : undefined;
    const why = lacking !== undefined
      ? `names "${lacking}", which is empty or not there`
      : device !== undefined
      ? `starts another system, on ${describeDevice(device)}`
      : outcome.kind === "linux"
      ? "is a recovery entry"
      : "starts no Linux kernel";
    this.#isElsewhere ||= device !== undefined;
    this.passedOver.push(`The boot menu's default "${title}" ${why}`);
  }
}
