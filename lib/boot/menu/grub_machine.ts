/**
 * Runs GRUB scripts with nothing but values. Pure.
 *
 * Commands we do not know are taken as failed, which is what decides `if loadfont …`; those that only prepare GRUB itself succeed.
 */

import { type BlsFile, parseBlsEntry } from "./bls.ts";
import { compareVersions } from "../../version_order.ts";
import type { NamedEntry } from "./entry.ts";
import { evaluateTest } from "./grub_conditions.ts";
import { parseGrubEnvironment } from "./grub_environment.ts";
import type { MenuEntry } from "./grub_menu.ts";
import { GrubSyntaxError, parseGrubScript, type Statement, type Word } from "./grub_script.ts";
import { expandWord, formatArguments, onPartition } from "./grub_words.ts";

/** What a machine is made with; see GrubInput. */
export interface GrubSources {
  readonly prefix: string;
  readonly files: ReadonlyMap<string, string>;
  readonly blsEntries: readonly BlsFile[];
}

/** What the commands of an entry have loaded. */
interface Loaded {
  kernel?: string;
  args: readonly string[];
  initrds: readonly string[];
}

/** A grub.cfg runs a few hundred commands; one that loops is stopped. */
const maximumSteps = 200_000;
const maximumCallDepth = 50;
/** Characters that variables may add up to while a script runs. */
const maximumExpanded = 16 * 1024 * 1024;
/** What keeping one variable for a submenu counts as, in characters. */
const keptVariableSize = 64;

/** Set by GRUB itself; grub-mkconfig's scripts ask for them. */
const builtIn: Readonly<Record<string, string>> = {
  grub_cpu: "x86_64",
  grub_platform: "efi",
  root: "disk",
  ...Object.fromEntries(
    [
      "chainloader_bpb",
      "ntldr",
      "platform_search_hint",
      "default_font_path",
      "all_video_module",
      "menuentry_id",
      "menuentry_options",
      "200_final",
      "nativedisk_cmd",
      "timeout_style",
    ].map((name) => [`feature_${name}`, "y"]),
  ),
};

const quietCommands = new Set([
  "clear",
  "echo",
  "export",
  "gfxpayload",
  "insmod",
  "load_video",
  "play",
  "save_env",
  "serial",
  "sleep",
  "terminal_input",
  "terminal_output",
  "terminfo",
  "true",
  ":",
]);

/** Control flow that leaves more than one statement. */
class Leave {
  constructor(readonly what: "return" | "break" | "continue" | "stop", readonly result: boolean) {}
}

/** Runs scripts. What they do to the menu, and what an entry loads, can be asked for afterwards. */
export class GrubMachine {
  readonly wanted = new Set<string>();
  #variables = new Map<string, string>(Object.entries(builtIn));
  readonly #functions = new Map<string, readonly Statement[]>();
  readonly #sources: GrubSources;
  /** Files whose commands are just running. */
  readonly #running = new Set<string>();
  #menu: MenuEntry[] = [];
  #args: readonly string[] = [];
  #lastResult = true;
  #loaded: Loaded = { args: [], initrds: [] };
  #steps = 0;
  #depth = 0;
  #expanded = 0;

  constructor(sources: GrubSources) {
    this.#sources = sources;
    this.#variables.set("prefix", sources.prefix);
    this.#variables.set("config_directory", sources.prefix);
    this.#variables.set("config_file", `${sources.prefix}/grub.cfg`);
    this.#running.add(`${sources.prefix}/grub.cfg`);
  }

  get menu(): readonly MenuEntry[] {
    return this.#menu;
  }

  /** Of GRUB's variable `default`; empty when it is not set. */
  get defaultWish(): string {
    return this.#variables.get("default") ?? "";
  }

  /** Runs a whole configuration. @throws {GrubSyntaxError} */
  start(text: string): void {
    this.#runAll(parseGrubScript(text));
  }

  /** Runs an entry's commands; variables and menu are left as they were. @returns undefined when it loads no kernel */
  boot(entry: MenuEntry): NamedEntry | undefined {
    const variables = this.#variables;
    this.#variables = new Map(entry.variables ?? variables);
    this.#loaded = { args: [], initrds: [] };
    this.#steps = 0;
    this.#expanded = 0;
    const menu = this.#menu;
    this.#withArgs(entry.args, () => this.#runAll(entry.body));
    this.#menu = menu;
    this.#variables = variables;
    const { kernel, args, initrds } = this.#loaded;
    if (kernel === undefined) return undefined;
    return { title: entry.title, kernel, initrds, commandLine: formatArguments(args), notices: [] };
  }

  #runAll(statements: readonly Statement[]): boolean {
    try {
      return this.#run(statements);
    } catch (error) {
      if (error instanceof Leave) return error.result;
      throw error;
    }
  }

  #run(statements: readonly Statement[]): boolean {
    for (const statement of statements) this.#lastResult = this.#step(statement);
    return this.#lastResult;
  }

  #step(statement: Statement): boolean {
    if (++this.#steps > maximumSteps) throw new Leave("stop", false);
    switch (statement.kind) {
      case "command":
        return this.#command(statement.words, statement.block);
      case "not":
        return !this.#step(statement.statement);
      case "if": {
        const branch = statement.branches.find(({ condition }) => this.#run(condition));
        return this.#run(branch?.body ?? statement.otherwise);
      }
      case "for":
        this.#loop(
          this.#expand(statement.words).map((value) => () => {
            this.#variables.set(statement.name, value);
            return true;
          }),
          statement.body,
        );
        return true;
      case "while": {
        const goOn = (): boolean => this.#run(statement.condition) !== statement.endsOn;
        // The number of steps bounds this.
        this.#loop({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: goOn }) }) }, statement.body);
        return true;
      }
      case "function":
        this.#functions.set(statement.name, statement.body);
        return true;
    }
  }

  #loop(rounds: Iterable<() => boolean>, body: readonly Statement[]): void {
    for (const begin of rounds) {
      if (!begin()) return;
      try {
        this.#run(body);
      } catch (error) {
        if (!(error instanceof Leave) || error.what === "return" || error.what === "stop") throw error;
        if (error.what === "break") return;
      }
    }
  }

  #command(words: readonly Word[], block: readonly Statement[] | undefined): boolean {
    const [name, ...args] = this.#expand(words);
    if (name === undefined) return block === undefined ? true : this.#run(block);
    const own = this.#functions.get(name);
    if (own !== undefined) return this.#call(own, args);
    switch (name) {
      case "set":
        return this.#set(args);
      case "unset":
        for (const arg of args) this.#variables.delete(arg);
        return true;
      case "[":
        return evaluateTest(args.slice(0, args.at(-1) === "]" ? -1 : undefined), this.#testFiles);
      case "test":
        return evaluateTest(args, this.#testFiles);
      case "menuentry":
      case "submenu":
        return this.#addEntry(name, args, block ?? []);
      case "linux":
      case "linux16":
      case "linuxefi":
        this.#loaded = {
          args: args.slice(1),
          initrds: [],
          ...(args[0] === undefined ? {} : { kernel: onPartition(args[0]) }),
        };
        return true;
      case "initrd":
      case "initrd16":
      case "initrdefi":
        this.#loaded.initrds = args.filter((arg) => !arg.startsWith("--")).map(onPartition);
        return true;
      case "load_env":
        return this.#loadEnvironment(args);
      case "source":
      case ".":
      case "configfile":
        return this.#source(args[0] ?? "");
      case "blscfg":
        return this.#addBlsEntries();
      case "search":
      case "search.fs_uuid":
      case "search.fs_label":
      case "search.file":
        // Whatever is looked for, it is this partition: we have no other.
        return true;
      case "eval":
        return this.#runText(args.join(" "));
      case "return":
        throw new Leave("return", (args[0] ?? "0") === "0");
      case "break":
      case "continue":
        throw new Leave(name, true);
      default:
        // `name=value` without "set" is an assignment, too.
        return /^[A-Za-z_]\w*=/.test(name) ? this.#set([name]) : quietCommands.has(name);
    }
  }

  #call(body: readonly Statement[], args: readonly string[]): boolean {
    if (this.#depth >= maximumCallDepth) return false;
    this.#depth++;
    try {
      return this.#withArgs(args, () => this.#run(body));
    } catch (error) {
      if (error instanceof Leave && error.what === "return") return error.result;
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #withArgs<T>(args: readonly string[], action: () => T): T {
    const before = this.#args;
    this.#args = args;
    try {
      return action();
    } finally {
      this.#args = before;
    }
  }

  #set(args: readonly string[]): boolean {
    const [assignment] = args;
    const at = assignment?.indexOf("=") ?? -1;
    if (assignment === undefined || at < 1) return assignment === undefined;
    this.#variables.set(assignment.slice(0, at), assignment.slice(at + 1));
    return true;
  }

  #addEntry(kind: "menuentry" | "submenu", args: readonly string[], body: readonly Statement[]): boolean {
    const positional: string[] = [];
    let id: string | undefined;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] ?? "";
      if (arg === "--unrestricted") continue;
      if (arg === "--id") id = args[++i];
      else if (arg.startsWith("--id=")) id = arg.slice("--id=".length);
      else if (/^--(?:class|users|hotkey|source)$/.test(arg)) i++;
      else if (!/^--\w+=/.test(arg)) positional.push(arg);
    }
    const title = positional[0] ?? "";
    const entry: MenuEntry = { title, id: id ?? title, args: positional, body };
    this.#menu.push(kind === "menuentry" ? entry : { ...entry, body: [], children: this.#collect(positional, body) });
    return true;
  }

  /**
   * The entries a submenu's commands make. GRUB runs these only when somebody opens the submenu, in a context of their own: what they set
   * (`default`, above all, where they show another system's configuration) says nothing about the menu around it.
   */
  #collect(args: readonly string[], body: readonly Statement[]): readonly MenuEntry[] {
    const [menu, variables] = [this.#menu, this.#variables];
    this.#charge(variables.size * keptVariableSize);
    const inside = new Map(variables);
    this.#menu = [];
    this.#variables = inside;
    this.#withArgs(args, () => this.#runAll(body));
    const children = this.#menu;
    this.#menu = menu;
    this.#variables = variables;
    return children.map((entry) => ({ variables: inside, ...entry }));
  }

  #loadEnvironment(args: readonly string[]): boolean {
    const at = args.findIndex((arg) => arg === "--file" || arg === "-f");
    const path = at === -1 ? `${this.#sources.prefix}/grubenv` : onPartition(args[at + 1] ?? "");
    const text = this.#read(path);
    if (text === undefined) return false;
    for (const [name, value] of parseGrubEnvironment(text)) {
      // A choice for one boot was meant for the laptop's next boot, not for ours.
      if (name !== "next_entry") this.#variables.set(name, value);
    }
    return true;
  }

  #source(name: string): boolean {
    const path = onPartition(name);
    // A file that names itself means one of the same name on another partition: "configfile (hd1,gpt2)/boot/grub/grub.cfg".
    const text = this.#running.has(path) ? undefined : this.#read(path);
    if (text === undefined) return false;
    this.#running.add(path);
    try {
      return this.#runText(text);
    } finally {
      this.#running.delete(path);
    }
  }

  #runText(text: string): boolean {
    if (this.#depth >= maximumCallDepth) return false;
    this.#depth++;
    try {
      return this.#run(parseGrubScript(text));
    } finally {
      this.#depth--;
    }
  }

  #read(path: string): string | undefined {
    const text = this.#sources.files.get(path);
    if (text === undefined) this.wanted.add(path);
    return text;
  }

  get #testFiles(): { exists(path: string): boolean } {
    return { exists: (path) => this.#read(onPartition(path)) !== undefined };
  }

  /**
   * Fedora's blscfg (grub-core/commands/blscfg.c of its GRUB): entry files by name, newest first; `$kernelopts` and the like come from the
   * environment.
   */
  #addBlsEntries(): boolean {
    const sorted = this.#sources.blsEntries.toSorted((a, b) => compareVersions(b.fileName, a.fileName));
    for (const { fileName, text } of sorted) {
      const entry = parseBlsEntry(text);
      if (entry.linux === undefined) continue;
      // As GRUB does: the entry becomes a script of its own, so quotes and variables in it mean what they mean there.
      const options = entry.options || this.#valueOf("default_kernelopts");
      const initrds = [...this.#earlyInitrds(entry.initrds[0] ?? entry.linux), ...entry.initrds];
      const script = [`linux ${entry.linux} ${options}`, `initrd ${initrds.join(" ")}`].join("\n");
      const id = fileName.replace(/\.conf$/, "");
      try {
        this.#menu.push({ title: entry.title ?? id, id, args: [], body: parseGrubScript(script) });
      } catch (error) {
        // GRUB leaves out a broken entry, too.
        if (!(error instanceof GrubSyntaxError)) throw error;
      }
    }
    return true;
  }

  /** From `GRUB_EARLY_INITRD_LINUX_CUSTOM`: names without a directory, which is that of the entry's own files. */
  #earlyInitrds(beside: string): readonly string[] {
    const [first = ""] = beside.split(" ", 1);
    const directory = first.slice(0, first.lastIndexOf("/") + 1);
    return this.#valueOf("early_initrd").split(" ").filter(Boolean).map((name) => directory + name);
  }

  #expand(words: readonly Word[]): readonly string[] {
    return words.flatMap((word) => expandWord(word, (name) => this.#valueOf(name)));
  }

  #valueOf(name: string): string {
    if (name === "?") return this.#lastResult ? "0" : "1";
    if (name === "#") return String(this.#args.length);
    if (name === "@" || name === "*") return this.#args.join(" ");
    if (/^[0-9]+$/.test(name)) return this.#args[Number(name) - 1] ?? "";
    const value = this.#variables.get(name) ?? "";
    this.#charge(value.length);
    return value;
  }

  #charge(characters: number): void {
    this.#expanded += characters;
    if (this.#expanded > maximumExpanded) throw new Leave("stop", false);
  }
}
