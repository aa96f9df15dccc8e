/**
 * Runs GRUB scripts with nothing but values. Pure. Source: GRUB, grub-core/script/execute.c and grub-core/commands/.
 *
 * A command that GRUB does not know counts as done, as in GRUB itself; so do those that only prepare GRUB or its screen.
 */

import { blsScripts } from "./grub_bls.ts";
import { type GrubDevices, splitDevice } from "./grub_devices.ts";
import { evaluateTest } from "./grub_conditions.ts";
import { parseGrubEnvironment } from "./grub_environment.ts";
import { type GrubFiles, isBlockList } from "./grub_files.ts";
import type { Menu, MenuEntry } from "./grub_menu.ts";
import { builtInVariables, findLoaderKind, isQuietCommand, Leave, result } from "./grub_names.ts";
import { readOptions } from "./grub_options.ts";
import { matchRegexp } from "./grub_regexp.ts";
import { readGrubScript, type Statement, type Word } from "./grub_script.ts";
import { expandWords, formatArguments } from "./grub_words.ts";

/** What a machine is made with. */
export interface GrubSources {
  /** Of the configuration on the first of the devices: "/boot/grub/grub.cfg". */
  readonly path: string;
  /** Directory that is /boot, of the same partition: BLS entries are looked for there, too. */
  readonly bootDirectory: string;
  readonly devices: GrubDevices;
  readonly files: GrubFiles;
}

/** A file that GRUB would load. */
export interface GrubPath {
  readonly device: string;
  readonly path: string;
}

export type Outcome =
  | {
    readonly kind: "linux";
    readonly kernel: GrubPath;
    readonly initrds: readonly GrubPath[];
    readonly commandLine: string;
  }
  | { readonly kind: "menu"; readonly menu: Menu }
  /** `device` is one that we do not have, where there is one that matters. */
  | { readonly kind: "nothing"; readonly device?: string };

/** What the commands of an entry have loaded. */
interface Loaded {
  kernel?: GrubPath;
  args: readonly string[];
  initrds: readonly GrubPath[];
}

/** A grub.cfg runs a few hundred commands; one that loops is stopped. */
const maximumSteps = 200_000;
const maximumCallDepth = 50;
/** Characters that variables may add up to while a script runs. */
const maximumExpanded = 16 * 1024 * 1024;
/** What keeping one variable for a menu counts as, in characters. */
const keptVariableSize = 64;

/** Runs scripts. What they do to the menu, and what an entry loads, can be asked for afterwards. */
export class GrubMachine {
  /** What people should know: statements that GRUB cannot read, settings that could not be seen. */
  readonly notices = new Set<string>();
  /** Names of devices in the order in which `search` set them, with what stood in the variable before, and hints. */
  readonly searches: { readonly found: string; readonly names: readonly string[] }[] = [];
  readonly #functions = new Map<string, readonly Statement[]>();
  readonly #sources: GrubSources;
  /** Files whose commands are just running. */
  #running = new Set<string>();
  #variables = new Map<string, string>(builtInVariables);
  #menu: MenuEntry[] = [];
  /** Parameters of the function or entry that is running. */
  #scope: { args: readonly string[] } | undefined;
  #loops = 0;
  /** undefined before the first command. */
  #lastResult: number | undefined;
  #loaded: Loaded = { args: [], initrds: [] };
  #missing: string | undefined;
  #steps = 0;
  #depth = 0;
  #expanded = 0;

  constructor(sources: GrubSources) {
    this.#sources = sources;
    const { own } = sources.devices;
    this.#variables.set("root", own);
    this.#variables.set("prefix", `(${own})${parentOf(sources.path)}`);
  }

  /** Runs the whole configuration. */
  start(): Outcome {
    const { path, devices } = this.#sources;
    this.#begin();
    return this.#outcome(() => this.#runFile(path), new Set([`(${devices.own})${path}`]));
  }

  /** Runs an entry's commands, or opens a submenu. */
  open(entry: MenuEntry, menu: Menu): Outcome {
    this.#begin();
    this.#running = new Set(menu.files);
    this.#charge(menu.variables.size * keptVariableSize);
    this.#variables = new Map(menu.variables);
    return this.#outcome(() => {
      this.#scope = { args: entry.args };
      this.#run(entry.body);
    }, menu.files);
  }

  #begin(): void {
    this.#menu = [];
    this.#scope = undefined;
    this.#loops = 0;
    this.#depth = 0;
    this.#running = new Set();
    this.#loaded = { args: [], initrds: [] };
    this.#missing = undefined;
    this.#lastResult = undefined;
    this.#steps = 0;
    this.#expanded = 0;
  }

  /** @param files those of a menu that comes of it */
  #outcome(run: () => void, files: ReadonlySet<string>): Outcome {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Leave)) throw error;
      if (error.menu !== undefined) return { kind: "menu", menu: error.menu };
      if (error.what === "exit") return { kind: "nothing" };
    }
    if (this.#menu.length > 0) {
      return { kind: "menu", menu: { entries: this.#menu, variables: this.#variables, files } };
    }
    const { kernel, args, initrds } = this.#loaded;
    if (kernel === undefined) {
      return this.#missing === undefined ? { kind: "nothing" } : { kind: "nothing", device: this.#missing };
    }
    return { kind: "linux", kernel, initrds, commandLine: formatArguments(args) };
  }

  #run(statements: readonly Statement[]): number {
    let last = 0;
    for (const statement of statements) {
      last = this.#step(statement);
      if (statement.kind !== "function") this.#lastResult = last;
    }
    return last;
  }

  #step(statement: Statement): number {
    if (++this.#steps > maximumSteps) throw new Leave("stop");
    switch (statement.kind) {
      case "command":
        return this.#command(statement.words, statement.block);
      case "if": {
        const branch = statement.branches.find(({ condition }) => this.#run(condition) === result.done);
        return this.#run(branch?.body ?? statement.otherwise);
      }
      case "for": {
        const values = this.#expand(statement.words);
        let round = 0;
        return this.#loop(statement.body, () => {
          const value = values[round++];
          if (value !== undefined) this.#set(`${statement.name}=${value}`);
          return value !== undefined;
        }) ?? result.done;
      }
      case "while": {
        // The result is that of the condition, where nothing breaks the loop.
        let condition: number = result.done;
        const isBroken = this.#loop(statement.body, () => {
          condition = this.#run(statement.condition);
          return (condition === result.done) !== statement.isUntil;
        }) === undefined;
        return isBroken ? result.done : condition;
      }
      case "function":
        this.#functions.set(statement.name, statement.body);
        return result.done;
    }
  }

  /** @returns the last result of the body; undefined when it was left by "break" */
  #loop(body: readonly Statement[], begin: () => boolean): number | undefined {
    let last: number = result.done;
    this.#loops++;
    try {
      while (begin()) {
        try {
          last = this.#run(body);
        } catch (error) {
          if (!(error instanceof Leave) || (error.what !== "break" && error.what !== "continue")) throw error;
          if (error.levels > 1) throw new Leave(error.what, { levels: error.levels - 1 });
          this.#lastResult = result.done;
          if (error.what === "break") return undefined;
          last = result.done;
        }
      }
      return last;
    } finally {
      this.#loops--;
    }
  }

  #command(words: readonly Word[], block: readonly Statement[] | undefined): number {
    const all = this.#expand(words);
    const isInverted = all[0] === "!";
    const [name, ...args] = isInverted ? all.slice(1) : all;
    if (name === undefined) return isInverted ? result.badArgument : result.done;
    const code = this.#execute(name, args, block);
    // A command that GRUB does not know is done, turned round or not.
    if (code === undefined) return result.done;
    if (!isInverted) return code;
    return code === result.done ? result.false : result.done;
  }

  /** @returns undefined for a command that GRUB does not know, an assignment among them */
  #execute(name: string, args: readonly string[], block: readonly Statement[] | undefined): number | undefined {
    const own = this.#functions.get(name);
    if (own !== undefined && !commandNames.has(name)) return this.#call(own, args);
    const [first = ""] = args;
    switch (name) {
      case "set":
        return first === "" || this.#set(first) ? result.done : result.badArgument;
      case "unset":
        this.#variables.delete(first);
        return result.done;
      case "[":
      case "test":
        return evaluateTest(args, { look: (path) => this.#look(path) }) ? result.done : result.false;
      case "false":
      case "keystatus":
      case "cmostest":
        return result.false;
      case "menuentry":
      case "submenu":
        return this.#addEntry(name, args, block);
      case "linux":
      case "linux16":
      case "linuxefi":
        this.#loaded = {
          args: args.slice(1),
          initrds: [],
          ...(args[0] === undefined ? {} : { kernel: this.#toGrubPath(args[0]) }),
        };
        return result.done;
      case "initrd":
      case "initrd16":
      case "initrdefi":
        this.#loaded.initrds = args.filter((arg) => !arg.startsWith("--")).map((arg) =>
          this.#toGrubPath(arg.replace(/^newc:[^:]*:/, ""))
        );
        return result.done;
      case "load_env":
        return this.#loadEnvironment(args);
      case "source":
      case ".":
      case "extract_entries_source":
        return this.#source(first);
      case "configfile":
        return this.#openConfiguration(first);
      case "normal":
        return this.#openConfiguration(args[0] ?? `${this.#valueOf("prefix")}/grub.cfg`);
      case "extract_entries_configfile":
        return this.#extractEntries(first);
      case "blscfg":
        return this.#addBlsEntries(first);
      case "search":
      case "search.fs_uuid":
      case "search.fs_label":
      case "search.file":
        return this.#search(name, args);
      case "probe":
        return this.#probe(args);
      case "regexp":
        return this.#regexp(args);
      case "eval":
        return this.#runCode(args.join(" "));
      case "increment":
        return this.#count(first, 1);
      case "decrement":
        return this.#count(first, -1);
      case "shift":
        return this.#shift(args);
      case "setparams":
        if (this.#scope === undefined) return result.invalidCommand;
        this.#scope.args = args;
        return result.done;
      case "return":
        if (this.#scope === undefined || args.length > 1 || !/^\d*$/.test(first)) return result.badArgument;
        throw new Leave("return", { code: args[0] === undefined ? this.#lastResult ?? 0 : Number(first) });
      case "break":
      case "continue":
        return this.#leaveLoops(name, args);
      case "boot":
        if (this.#loaded.kernel === undefined) return result.badArgument;
        throw new Leave("boot");
      case "exit":
      case "halt":
      case "poweroff":
      case "reboot":
        throw new Leave("exit");
      default:
        return this.#other(name, first);
    }
  }

  #other(name: string, first: string): number | undefined {
    if (findLoaderKind(name) !== undefined) {
      // What is started instead of Linux.
      this.#loaded = { args: [], initrds: [] };
      this.#noteMissing(splitDevice(first).device ?? this.#valueOf("root"));
      return result.done;
    }
    if (isQuietCommand(name)) return result.done;
    this.#set(name);
    return undefined;
  }

  /** Fedora's: counts boots that have not been marked as good. */
  #count(name: string, step: 1 | -1): number {
    const value = this.#valueOf(name);
    if (!/^-?\d+$/.test(value)) return result.badArgument;
    this.#variables.set(name, String(Number(value) + step));
    return result.done;
  }

  #call(body: readonly Statement[], args: readonly string[]): number {
    if (this.#depth >= maximumCallDepth) return result.badArgument;
    const [scope, loops] = [this.#scope, this.#loops];
    this.#depth++;
    this.#scope = { args };
    this.#loops = 0;
    try {
      return this.#run(body);
    } catch (error) {
      if (error instanceof Leave && error.what === "return") return error.code;
      throw error;
    } finally {
      this.#depth--;
      this.#scope = scope;
      this.#loops = loops;
    }
  }

  #leaveLoops(what: "break" | "continue", args: readonly string[]): number {
    const count = args[0] === undefined ? 1 : /^\d+$/.test(args[0]) ? Number(args[0]) : 0;
    if (args.length > 1 || count === 0) return result.badArgument;
    const levels = Math.min(count, this.#loops);
    if (levels > 0) throw new Leave(what, { levels });
    return result.done;
  }

  #shift(args: readonly string[]): number {
    if (this.#scope === undefined) return result.done;
    const count = args[0] === undefined ? 1 : /^\d+$/.test(args[0]) ? Number(args[0]) : Infinity;
    if (args.length > 1 || count > this.#scope.args.length) return result.badArgument;
    this.#scope.args = this.#scope.args.slice(count);
    return result.done;
  }

  #set(assignment: string): boolean {
    const at = assignment.indexOf("=");
    const name = assignment.slice(0, at);
    // Parameters cannot be assigned.
    if (at < 1 || /^(?:\d|[#*@]$)/.test(name)) return false;
    this.#variables.set(name, assignment.slice(at + 1));
    return true;
  }

  #addEntry(kind: "menuentry" | "submenu", args: readonly string[], block: readonly Statement[] | undefined): number {
    const options = readOptions(args, {
      withValue: ["class", "hotkey", "source", "id"],
      optional: ["users"],
      without: ["unrestricted"],
      acceptsDash: true,
    });
    if (options === undefined) return result.badArgument;
    const { values, positional } = options;
    const source = values.get("source")?.at(-1);
    const [title] = positional;
    if (title === undefined || (block === undefined) === (source === undefined)) return result.badArgument;
    const body = block ??
      [...readGrubScript(source ?? "")].flatMap((piece) => piece.kind === "statements" ? piece.statements : []);
    this.#menu.push({
      title,
      id: values.get("id")?.at(-1) ?? title,
      args: positional,
      body,
      isSubmenu: kind === "submenu",
    });
    return result.done;
  }

  #loadEnvironment(args: readonly string[]): number {
    const options = readOptions(args, {
      short: { f: "file", s: "skip-sig" },
      withValue: ["file"],
      without: ["skip-sig"],
    });
    if (options === undefined) return result.badArgument;
    const { values, positional } = options;
    const name = values.get("file")?.at(-1) ?? `${this.#valueOf("prefix")}/grubenv`;
    const text = this.#read(name);
    const variables = text === undefined ? undefined : parseGrubEnvironment(text);
    if (variables === undefined) {
      const { path } = splitDevice(name);
      if (isBlockList(path)) {
        this.notices.add(
          `GRUB keeps what it remembers in blocks outside the files ("${path}"), which cannot be read here: its saved entry is not known`,
        );
      }
      return result.notFound;
    }
    for (const [variable, value] of variables) {
      // A choice for one boot was meant for the laptop's next boot, not for ours.
      if (variable === "next_entry" || (positional.length > 0 && !positional.includes(variable))) continue;
      this.#variables.set(variable, value);
    }
    return result.done;
  }

  #source(name: string): number {
    const place = this.#place(name);
    return place === undefined ? result.notFound : this.#runFile(place.path, place.partition);
  }

  /** Runs a file in the context that is there. What cannot be read in it is left out. */
  #runFile(path: string, partition = this.#sources.devices.own): number {
    const key = `(${partition})${path}`;
    // A file that names itself means one of the same name on another partition: "configfile (hd1,gpt2)/boot/grub/grub.cfg".
    const text = this.#running.has(key) ? undefined : this.#sources.files.read(partition, path);
    if (text === undefined || this.#depth >= maximumCallDepth) return result.notFound;
    const before = ["config_file", "config_directory"].map((name) => [name, this.#variables.get(name)] as const);
    this.#variables.set("config_file", key);
    this.#variables.set("config_directory", parentOf(key));
    this.#running.add(key);
    this.#depth++;
    const loops = this.#loops;
    try {
      for (const piece of readGrubScript(text)) {
        if (piece.kind === "statements") this.#run(piece.statements);
        else this.notices.add(`GRUB skips a part of "${path}" that it cannot read: ${piece.error.message}`);
      }
    } finally {
      this.#depth--;
      this.#loops = loops;
      this.#running.delete(key);
      for (const [name, value] of before) {
        if (value === undefined) this.#variables.delete(name);
        else this.#variables.set(name, value);
      }
    }
    return result.done;
  }

  /** `eval`: ends with the first mistake. */
  #runCode(text: string): number {
    if (this.#depth >= maximumCallDepth) return result.badArgument;
    this.#depth++;
    try {
      let last: number = result.done;
      for (const piece of readGrubScript(text)) {
        if (piece.kind === "mistake") return result.done;
        if (piece.statements.length > 0) last = this.#run(piece.statements);
      }
      return last;
    } finally {
      this.#depth--;
    }
  }

  /** The file's own menu is shown; only when it has none, GRUB goes on. */
  #openConfiguration(name: string): number {
    const [menu, variables] = [this.#menu, this.#variables];
    this.#charge(variables.size * keptVariableSize);
    this.#menu = [];
    this.#variables = new Map(variables);
    this.#source(name);
    if (this.#menu.length > 0) {
      const place = this.#place(name);
      const files = new Set([...this.#running, ...place === undefined ? [] : [`(${place.partition})${place.path}`]]);
      // A copy: what the files around it put back when they are left is not the menu's.
      throw new Leave("menu", { menu: { entries: this.#menu, variables: new Map(this.#variables), files } });
    }
    this.#menu = menu;
    this.#variables = variables;
    return result.done;
  }

  #extractEntries(name: string): number {
    const variables = this.#variables;
    this.#charge(variables.size * keptVariableSize);
    this.#variables = new Map(variables);
    this.#source(name);
    this.#variables = variables;
    return result.done;
  }

  /** Options: GRUB manual, "search". The dotted names are what `grub-install` writes into its own small scripts. */
  #search(name: string, args: readonly string[]): number {
    const options = readOptions(args, searchOptions);
    if (options === undefined) return result.badArgument;
    const { values, positional } = options;
    const isSet = values.has("set");
    const [kind, key = values.get("set")?.at(-1), variable = "root", ...hints] = name === "search"
      ? [
        ["file", "label", "fs-uuid"].find((option) => values.has(option)),
        positional[0],
        isSet && positional[0] !== undefined ? values.get("set")?.at(-1) || "root" : "root",
        ...[...values].filter(([option]) => option.startsWith("hint")).flatMap(([, list]) => list),
      ]
      : [name.replace("search.fs_", "").replace("search.", "").replace(/^uuid$/, "fs-uuid"), ...positional];
    if (key === undefined || kind === undefined) return result.badArgument;
    const found = this.#find(kind, key);
    if (found === undefined) return result.notFound;
    if (name !== "search" || isSet) {
      this.searches.push({ found, names: [this.#valueOf(variable), ...hints] });
      this.#variables.set(variable, found);
    }
    return result.done;
  }

  #find(kind: string, key: string): string | undefined {
    const { devices, files } = this.#sources;
    if (kind === "fs-uuid") return devices.findByUuid(key);
    if (kind === "label") return devices.findByLabel(key);
    return devices.all.find((partition) => files.look(partition, key)?.kind === "file");
  }

  #probe(args: readonly string[]): number {
    const options = readOptions(args, {
      short: { s: "set", u: "fs-uuid", l: "label", f: "fs", p: "partmap", d: "driver" },
      withValue: ["set"],
      without: ["fs-uuid", "label", "fs", "partmap", "driver", "part-uuid"],
    });
    if (options === undefined) return result.badArgument;
    const { values, positional } = options;
    const device = (positional[0] ?? "").replace(/^\((.*)\)$/, "$1");
    const [own, ...others] = this.#sources.devices.resolve(device);
    const uuid = this.#sources.devices.uuidOf(device) ??
      (own !== undefined && others.length === 0 ? this.#sources.devices.uuidOf(own) : undefined);
    const variable = values.get("set")?.at(-1);
    if (!values.has("fs-uuid") || uuid === undefined) return result.notFound;
    if (variable !== undefined) this.#variables.set(variable, uuid);
    return result.done;
  }

  #regexp(args: readonly string[]): number {
    const options = readOptions(args, { short: { s: "set" }, withValue: ["set"] });
    if (options === undefined) return result.badArgument;
    const { values, positional: [pattern, text] } = options;
    if (pattern === undefined || text === undefined) return result.badArgument;
    const groups = matchRegexp(pattern, text);
    if (groups === undefined) return result.false;
    for (const target of values.get("set") ?? []) {
      const [, number = "1", variable = ""] = /^(?:(\d+):)?(.*)$/s.exec(target) ?? [];
      const value = groups[Number(number)];
      if (value === undefined) this.#variables.delete(variable);
      else this.#variables.set(variable, value);
    }
    return result.done;
  }

  #addBlsEntries(argument: string): number {
    const named = splitDevice(argument);
    const device = named.device ?? this.#valueOf("root");
    const directories = named.path.startsWith("/")
      ? [named.path]
      : [this.#valueOf("blsdir") || "/loader/entries", "/boot/loader/entries"];
    const { own, resolve } = { own: this.#sources.devices.own, resolve: this.#sources.devices.resolve(device) };
    for (const partition of resolve) {
      const lenient = partition === own ? [`${this.#sources.bootDirectory}/loader/entries`] : [];
      for (const directory of [...directories, ...lenient]) {
        const names = this.#sources.files.list(partition, directory)?.filter((name) => name.endsWith(".conf")) ?? [];
        if (names.length === 0) continue;
        const entries = names.map((fileName) => ({
          fileName,
          text: this.#sources.files.read(partition, `${directory.replace(/\/$/, "")}/${fileName}`) ?? "",
        }));
        for (const { title, id, body } of blsScripts(entries, (name) => this.#valueOf(name))) {
          this.#menu.push({ title, id, args: [title], body, isSubmenu: false });
        }
        return result.done;
      }
    }
    if (resolve.length === 0) this.#noteMissing(device);
    return result.notFound;
  }

  /** Where a file is that GRUB reads; the first of the possible partitions that has it. */
  #place(name: string): { readonly partition: string; readonly path: string } | undefined {
    const { device, path } = this.#toDevicePath(name);
    const { devices, files } = this.#sources;
    const possible = devices.resolve(device);
    if (possible.length === 0) this.#noteMissing(device);
    // A path that does not begin with "/" is a block list to GRUB.
    if (!path.startsWith("/") && !isBlockList(path)) return undefined;
    const found = possible.map((partition) => ({ partition, path }));
    return found.find(({ partition }) => files.look(partition, path) !== undefined);
  }

  #look(name: string): { readonly kind: "file" | "directory"; readonly sizeBytes: number } | undefined {
    const place = this.#place(name);
    const found = place === undefined ? undefined : this.#sources.files.look(place.partition, place.path);
    return found?.kind === "directory" ? { kind: "directory", sizeBytes: 0 } : found;
  }

  #read(name: string): string | undefined {
    const place = this.#place(name);
    return place === undefined ? undefined : this.#sources.files.read(place.partition, place.path);
  }

  #toDevicePath(name: string): GrubPath {
    const { device, path } = splitDevice(name);
    return { device: device === undefined || device === "" ? this.#valueOf("root") : device, path };
  }

  #toGrubPath(name: string): GrubPath {
    const found = this.#toDevicePath(name);
    this.#noteMissing(found.device);
    return found;
  }

  #noteMissing(device: string): void {
    if (this.#sources.devices.resolve(device).length === 0) this.#missing ??= device;
  }

  #expand(words: readonly Word[]): readonly string[] {
    return expandWords(words, {
      variable: (name) => this.#valueOf(name),
      parameters: this.#scope?.args ?? [],
    });
  }

  #valueOf(name: string): string {
    if (name === "?") return this.#lastResult === undefined ? "" : String(this.#lastResult);
    if (name === "#") return this.#scope === undefined ? "" : String(this.#scope.args.length);
    const value = (/^[0-9]+$/.test(name) ? this.#scope?.args[Number(name) - 1] : this.#variables.get(name)) ?? "";
    this.#charge(value.length);
    return value;
  }

  #charge(characters: number): void {
    this.#expanded += characters;
    if (this.#expanded > maximumExpanded) throw new Leave("stop");
  }
}

/** GRUB looks for a command first, so a function cannot take the place of one of these. */
const commandNames = new Set(
  ("set unset [ test false menuentry submenu linux initrd load_env source . configfile normal search eval shift setparams return break " +
    "continue boot exit halt reboot").split(" "),
);

const searchOptions = {
  short: { f: "file", l: "label", u: "fs-uuid", s: "set", n: "no-floppy", r: "root-dev-only", h: "hint" },
  withValue: ["hint", "hint-ieee1275", "hint-bios", "hint-baremetal", "hint-efi", "hint-arc"],
  optional: ["set"],
  without: ["file", "label", "fs-uuid", "no-floppy", "efidisk-only", "cryptodisk-only", "root-dev-only"],
  acceptsDash: true,
};

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
