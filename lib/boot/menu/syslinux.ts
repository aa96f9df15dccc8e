/**
 * `syslinux.cfg` and `extlinux.conf` (also of U-Boot). Pure.
 * Sources: Syslinux wiki, "SYSLINUX configuration file" and "Comboot/menu.c32"; U-Boot documentation, "Generic Distro Configuration".
 */

import type { NamedEntry } from "./entry.ts";
import { isRecovery } from "./recovery.ts";

export interface SyslinuxInput {
  readonly text: string;
  /** Directory of the file: other paths are relative to it. */
  readonly directory: string;
  /** Files for INCLUDE by path. */
  readonly files: ReadonlyMap<string, string>;
}

export interface SyslinuxResult {
  readonly entry: NamedEntry | undefined;
  /** Included files that were not given. */
  readonly wanted: readonly string[];
}

interface Label {
  readonly name: string;
  title?: string;
  kernel?: string;
  append?: string;
  initrd?: string;
  isMenuDefault?: boolean;
  /** MENU DISABLE: shown, but nobody can choose it. */
  isDisabled?: boolean;
}

const maximumIncludeDepth = 16;

export function evaluateSyslinuxConfig(input: SyslinuxInput): SyslinuxResult {
  const labels: Label[] = [];
  const wanted = new Set<string>();
  let globalAppend = "";
  let defaultName: string | undefined;

  function readFile(text: string, depth: number): void {
    let current: Label | undefined = labels.at(-1);
    let isHelpText = false;
    for (const line of text.split(/\r?\n/)) {
      const match = /^\s*(menu\s+(?:label|default|disable|include)|[A-Za-z0-9_]+)(?:\s+(.*?))?\s*$/i.exec(line);
      if (match === null) continue;
      const [, word = "", value = ""] = match;
      const keyword = word.toLowerCase().replaceAll(/\s+/g, " ");
      if (isHelpText) isHelpText = keyword !== "endtext";
      else if (keyword === "text") isHelpText = value.toLowerCase() === "help";
      else if (keyword === "label") {
        current = { name: value };
        labels.push(current);
      } else if (keyword === "include" || keyword === "menu include") {
        include(value.split(/\s+/, 1)[0] ?? "", depth);
        current = labels.at(-1);
      } else if (keyword === "default" || (keyword === "ontimeout" && defaultName === undefined)) {
        defaultName = value;
      } else if (current === undefined) {
        if (keyword === "append") globalAppend = value;
      } else if (keyword === "menu label") current.title = value.replaceAll("^", "");
      else if (keyword === "menu default") current.isMenuDefault = true;
      else if (keyword === "menu disable") current.isDisabled = true;
      else if (keyword === "kernel" || keyword === "linux") current.kernel = value;
      else if (keyword === "append") current.append = value;
      else if (keyword === "initrd") current.initrd = value;
    }
  }

  function include(name: string, depth: number): void {
    const path = resolvePath(input.directory, name);
    const text = input.files.get(path);
    if (text === undefined) wanted.add(path);
    else if (depth < maximumIncludeDepth) readFile(text, depth + 1);
  }

  function nameEntry(label: Label, notices: readonly string[]): NamedEntry | undefined {
    const [kernel, ...extra] = (label.kernel ?? "").split(/\s+/);
    // Programs of SYSLINUX itself: menus, chain loaders, reboot.
    if (kernel === undefined || kernel === "" || /\.(?:c32|cbt|com|bs|0|img)$/i.test(kernel)) return undefined;
    const append = label.append === "-" ? "" : label.append ?? globalAppend;
    const words = [...extra, ...append.split(/[ \t]+/).filter(Boolean)];
    const inAppend = words.findLast((word) => word.startsWith("initrd="))?.slice("initrd=".length);
    const initrds = (label.initrd ?? inAppend ?? "").split(/[,\s]+/).filter(Boolean);
    return {
      title: label.title ?? label.name,
      kernel: resolvePath(input.directory, kernel),
      initrds: initrds.map((path) => resolvePath(input.directory, path)),
      commandLine: words.filter((word) => !word.startsWith("initrd=")).join(" "),
      notices,
    };
  }

  readFile(input.text, 0);
  // A menu's own default wins over DEFAULT, which then names the menu program; labels are not case-sensitive.
  const chosen = labels.find((label) => label.isMenuDefault) ??
    labels.find((label) => label.name.toLowerCase() === defaultName?.toLowerCase()) ?? labels[0];
  const notices: string[] = [];
  for (const label of chosen === undefined ? [] : [chosen, ...labels.filter((other) => other.isDisabled !== true)]) {
    const entry = nameEntry(label, [...new Set(notices)]);
    if (entry !== undefined && !isRecovery(entry, label.name)) return { entry, wanted: [...wanted] };
    if (label === chosen) {
      notices.push(
        `The boot menu's default "${label.title ?? label.name}" starts no normal Linux; another entry is taken`,
      );
    }
  }
  return { entry: undefined, wanted: [...wanted] };
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
