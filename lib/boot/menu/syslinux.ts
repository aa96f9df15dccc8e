/**
 * `syslinux.cfg` and `extlinux.conf` (also of U-Boot): what starts without a choice of the user. Pure.
 * Sources: Syslinux, doc/syslinux.txt, doc/menu.txt and com32/elflink/ldlinux; U-Boot documentation, "Generic Distro
 * Configuration".
 */

import type { NamedEntry } from "./entry.ts";
import { isRecovery } from "./recovery.ts";
import { type Label, type Menu, SyslinuxParser, type SyslinuxSettings } from "./syslinux_labels.ts";

export interface SyslinuxInput {
  readonly text: string;
  /** Directory of the file: other paths are relative to it. */
  readonly directory: string;
  /** Files for INCLUDE by path. */
  readonly files: ReadonlyMap<string, string>;
}

export interface SyslinuxResult {
  /** What starts a normal Linux: the default, then the labels in the file's order. */
  readonly entries: readonly NamedEntry[];
  /** Included files that were not given. */
  readonly missingIncludes: readonly string[];
}

/** What is typed at the prompt, or stands for it in DEFAULT: a label or a kernel, and further parameters. */
interface Command {
  readonly label?: Label;
  /** For messages. */
  readonly title: string;
  readonly kernel: string;
  readonly isLinux: boolean;
  readonly words: readonly string[];
}

export function evaluateSyslinuxConfig(input: SyslinuxInput): SyslinuxResult {
  const missingIncludes = new Set<string>();
  const parser = new SyslinuxParser((name) => {
    const path = resolvePath(input.directory, name);
    const text = input.files.get(path);
    if (text === undefined) missingIncludes.add(path);
    return text;
  });
  const settings = parser.parse(input.text);
  const chosen = findDefault(settings);
  const others = settings.labels.filter((label) => label.isOffered && label !== chosen?.label);
  const commands = [...chosen === undefined ? [] : [chosen], ...others.map((label) => runLabel(label, []))];
  const entries: NamedEntry[] = [];
  const notices: string[] = [];
  for (const command of commands) {
    const entry = nameEntry(command, input.directory);
    if (entry !== undefined && !isRecovery(entry, command.label?.name)) {
      entries.push({ ...entry, notices: [...notices] });
    } else if (command === chosen) {
      notices.push(`The boot menu's default "${command.title}" starts no normal Linux; another entry is taken`);
    }
  }
  return { entries, missingIncludes: [...missingIncludes] };
}

/** What starts by itself. */
function findDefault(settings: SyslinuxSettings): Command | undefined {
  const { onTimeout, ui, prompt } = settings;
  // doc/syslinux.txt: DEFAULT is then for those who press Enter. Without a prompt and a menu, nothing ever times out.
  const waits = prompt !== false || ui !== undefined || isProgram(settings.default ?? "");
  const timedOut = onTimeout === undefined || !waits ? undefined : findCommand(settings, onTimeout);
  if (timedOut !== undefined) return timedOut;
  const named = settings.default === undefined ? undefined : findCommand(settings, settings.default);
  if (named !== undefined) return named;
  const label = findMenuDefault(settings.start) ?? findMenuDefault(settings.root) ?? settings.labels[0];
  return label === undefined ? undefined : runLabel(label, []);
}

/** @returns undefined for a menu program, and for what must not be started */
function findCommand(settings: SyslinuxSettings, command: string): Command | undefined {
  const { labels, globalAppend, allowsImplicit, allowsOptions } = settings;
  const [name = "", ...typed] = command.split(/\s+/).filter(Boolean);
  const options = allowsOptions ? typed : [];
  const label = labels.find((one) => one.name === name) ??
    labels.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (label !== undefined) return runLabel(label, options);
  if (name === "" || !allowsImplicit || isProgram(name)) return undefined;
  return { title: name, kernel: name, isLinux: true, words: [...splitWords(globalAppend), ...options] };
}

function runLabel(label: Label, options: readonly string[]): Command {
  const [kernel = "", ...own] = splitWords(label.kernel);
  const initrd = label.initrd === undefined ? [] : [`initrd=${label.initrd.replaceAll(/\s*,\s*|\s+/g, ",")}`];
  return {
    label,
    title: label.title,
    kernel,
    isLinux: !label.movesOnly && (label.type === "linux" || (label.type === "kernel" && !isProgram(kernel))),
    words: [...own, ...splitWords(label.append ?? ""), ...initrd, ...options],
  };
}

/** Follows the defaults of menus into their submenus. */
function findMenuDefault(menu: Menu): Label | undefined {
  if (menu.default === undefined) return undefined;
  if ("name" in menu.default) return menu.default;
  return findMenuDefault(menu.default) ?? menu.default.entries.find((entry) => "name" in entry);
}

/** File names that KERNEL takes for something other than a Linux (`file_extensions`; COMBOOT's are of Syslinux 4). */
function isProgram(command: string): boolean {
  return /\.(?:c32|cbt|com|bs|bss|bin|0|img)$/i.test(splitWords(command)[0] ?? "");
}

function nameEntry({ title, kernel, isLinux, words }: Command, directory: string): NamedEntry | undefined {
  if (!isLinux || kernel === "") return undefined;
  // The first one counts (`new_linux_kernel`).
  const initrds = words.find((word) => word.startsWith("initrd="))?.slice("initrd=".length).split(",") ?? [];
  return {
    title,
    kernel: resolvePath(directory, kernel),
    initrds: initrds.filter(Boolean).map((path) => resolvePath(directory, path)),
    commandLine: words.filter((word) => !word.startsWith("initrd=")).join(" "),
    notices: [],
  };
}

function splitWords(text: string): readonly string[] {
  return text.split(/[ \t]+/).filter(Boolean);
}

/** An absolute path without "." and ".."; `path` may be relative to `directory`. */
export function resolvePath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
