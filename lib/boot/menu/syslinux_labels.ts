/**
 * Labels and menus of `syslinux.cfg`, as the loader reads them. Pure. Source: com32/elflink/ldlinux/readconfig.c of
 * Syslinux 6.04.
 */

/** Ways to start something; KERNEL guesses by the file's name, the others do not. */
const kernelTypes = [
  "kernel",
  "linux",
  "boot",
  "bss",
  "pxe",
  "fdimage",
  "comboot",
  "com32",
  "config",
  "localboot",
] as const;
export type KernelType = typeof kernelTypes[number];

export interface Label {
  readonly name: string;
  title: string;
  /** What is started: the label's own name, when no line says otherwise. */
  kernel: string;
  type: KernelType;
  append?: string;
  initrd?: string;
  /** MENU HIDE, MENU DISABLE: people cannot choose it; DEFAULT can. */
  isOffered: boolean;
  /** MENU GOTO, EXIT, QUIT: moves through menus, starts nothing. */
  movesOnly: boolean;
}

export interface Menu {
  readonly parent: Menu | undefined;
  readonly entries: (Label | Menu)[];
  /** What the last MENU DEFAULT of the menu names. */
  default?: Label | Menu;
}

export interface SyslinuxSettings {
  readonly root: Menu;
  readonly start: Menu;
  /** In the file's order. */
  readonly labels: readonly Label[];
  readonly globalAppend: string;
  readonly default?: string;
  readonly onTimeout?: string;
  readonly ui?: string;
  /** PROMPT; undefined: not set. */
  readonly prompt?: boolean;
  readonly allowsImplicit: boolean;
  readonly allowsOptions: boolean;
}

const maximumIncludeDepth = 16;

export class SyslinuxParser {
  readonly #readFile: (name: string) => string | undefined;
  readonly #labels: Label[] = [];
  readonly #root: Menu = { parent: undefined, entries: [] };
  #menu: Menu = this.#root;
  #start: Menu = this.#root;
  /** Recorded when the next one begins: what comes first in a menu is the menu's own. */
  #label: Label | undefined;
  #globalAppend = "";
  #isInText = false;
  #settings: Partial<Pick<SyslinuxSettings, "default" | "onTimeout" | "ui" | "prompt">> = {};
  #allowsImplicit = true;
  #allowsOptions = true;

  /** @param readFile text of an included file */
  constructor(readFile: (name: string) => string | undefined) {
    this.#readFile = readFile;
  }

  parse(text: string): SyslinuxSettings {
    this.#read(text, 0);
    this.#record();
    return {
      ...this.#settings,
      root: this.#root,
      start: this.#start,
      labels: this.#labels,
      globalAppend: this.#globalAppend,
      allowsImplicit: this.#allowsImplicit,
      allowsOptions: this.#allowsOptions,
    };
  }

  #read(text: string, depth: number): void {
    for (const line of text.split("\n")) {
      const [word, value] = splitWord(line.replace(/\r.*$/, ""));
      if (this.#isInText) this.#isInText = word !== "endtext";
      else if (word === "text") this.#isInText = true;
      else if (word === "include") this.#include(value, depth);
      else if (word === "menu") this.#readMenuLine(value, depth);
      else if (word === "label") this.#begin(value.split(/\s/, 1)[0] ?? "");
      else this.#readLine(word, value);
    }
  }

  #readLine(word: string, value: string): void {
    const label = this.#label;
    const type = kernelTypes.find((known) => known === word);
    if (type !== undefined) {
      if (label !== undefined) Object.assign(label, { kernel: value, type });
    } else if (word === "append") {
      if (label === undefined) this.#globalAppend = value;
      else label.append = value;
    } else if (word === "initrd") {
      if (label !== undefined) label.initrd = value;
    } else if (word === "default") this.#settings = { ...this.#settings, default: value };
    else if (word === "ontimeout") this.#settings = { ...this.#settings, onTimeout: value };
    else if (word === "ui") this.#settings = { ...this.#settings, ui: value };
    else if (word === "prompt") this.#settings = { ...this.#settings, prompt: toNumber(value) !== 0 };
    else if (word === "implicit") this.#allowsImplicit = toNumber(value) !== 0;
    else if (word === "allowoptions") this.#allowsOptions = toNumber(value) !== 0;
  }

  #readMenuLine(line: string, depth: number): void {
    const [word, value] = splitWord(line);
    const label = this.#label;
    if (word === "begin") this.#beginMenu();
    else if (word === "end") this.#endMenu();
    else if (word === "separator") this.#record();
    else if (word === "include") {
      const [name = "", ...title] = value.split(/\s+/);
      // With a title the file is a menu of its own.
      if (title.length > 0) this.#beginMenu();
      this.#include(name, depth);
      if (title.length > 0) this.#endMenu();
    } else if (word === "start") this.#start = this.#menu;
    else if (word === "default") {
      if (label !== undefined) this.#menu.default = label;
      else if (this.#menu.parent !== undefined) this.#menu.parent.default = this.#menu;
    } else if (label === undefined) return;
    else if (word === "label") label.title = value.replaceAll("^", "");
    else if (["hide", "disable", "disabled"].includes(word)) label.isOffered = false;
    else if (["goto", "exit", "quit"].includes(word)) label.movesOnly = true;
  }

  #begin(name: string): void {
    this.#record();
    this.#label = { name, title: name, kernel: name, type: "kernel", isOffered: true, movesOnly: false };
  }

  #record(): void {
    const label = this.#label;
    this.#label = undefined;
    if (label === undefined) return;
    label.append ??= this.#globalAppend;
    if (label.append === "-") label.append = "";
    this.#menu.entries.push(label);
    this.#labels.push(label);
  }

  #beginMenu(): void {
    this.#record();
    const menu: Menu = { parent: this.#menu, entries: [] };
    this.#menu.entries.push(menu);
    this.#menu = menu;
  }

  #endMenu(): void {
    this.#record();
    this.#menu = this.#menu.parent ?? this.#menu;
  }

  #include(value: string, depth: number): void {
    const text = this.#readFile(value.split(/\s/, 1)[0] ?? "");
    if (text !== undefined && depth < maximumIncludeDepth) this.#read(text, depth + 1);
  }
}

/** The first word in lower case, and what follows it. */
function splitWord(line: string): readonly [string, string] {
  const [, word = "", value = ""] = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
  return [word.toLowerCase(), value];
}

/** atoi(3). */
function toNumber(value: string): number {
  return Number.parseInt(value, 10) || 0;
}
