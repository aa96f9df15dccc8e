/**
 * Runs GRUB scripts with nothing but values: statements, and the commands that change which statement comes next; the
 * other commands are in grub_commands.ts. Pure. Source: GRUB, grub-core/script/execute.c.
 *
 * A command that GRUB does not know counts as done, as in GRUB itself; so do those that only prepare GRUB or its
 * screen.
 */

import { assign, type CommandContext, findCommand, type FoundDevice } from "./grub_commands.ts";
import { splitDevice } from "./grub_devices.ts";
import type { Menu, MenuEntry } from "./grub_menu.ts";
import { builtInVariables, findLoaderKind, isCommandName, isQuietCommand, Leave, result } from "./grub_names.ts";
import { type GrubPath, GrubPaths, type GrubSources } from "./grub_paths.ts";
import { readGrubScript, type Statement, type Word } from "./grub_script.ts";
import { SkippedParts } from "./grub_skipped.ts";
import { expandWords, formatArguments } from "./grub_words.ts";

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

/** A grub.cfg runs a few hundred commands, an entry some thirty; what loops is stopped. */
const maximumSteps = 200_000;
const maximumEntrySteps = 10_000;
const maximumCallDepth = 50;
/** Characters that variables may add up to while a script runs. */
const maximumExpanded = 16 * 1024 * 1024;
/** What keeping one variable for a menu counts as, in characters. */
const keptVariableSize = 64;

/** Runs scripts. What they do to the menu, and what an entry loads, can be asked for afterwards. */
export class GrubMachine {
  /** What people should know: statements that GRUB cannot read, settings that could not be seen. */
  readonly notices = new Set<string>();
  readonly #skipped = new SkippedParts();
  /** In the order in which `search` set them. */
  readonly searches: FoundDevice[] = [];
  readonly #functions = new Map<string, readonly Statement[]>();
  readonly #sources: GrubSources;
  readonly #paths: GrubPaths;
  readonly #context: CommandContext;
  /** Files whose commands are just running. */
  #running = new Set<string>();
  #variables = new Map<string, string>(builtInVariables);
  #menu: MenuEntry[] = [];
  /** Parameters of the function or entry that is running. */
  #scope: { args: readonly string[] } | undefined;
  #loops = 0;
  /** undefined before the first command. */
  #lastResult: number | undefined;
  #stepsLeft = maximumSteps;
  #depth = 0;
  #expanded = 0;

  constructor(sources: GrubSources) {
    this.#sources = sources;
    this.#paths = new GrubPaths(sources, () => this.#valueOf("root"));
    this.#context = this.#createContext();
    const { own } = sources.devices;
    this.#variables.set("root", own);
    this.#variables.set("prefix", `(${own})${parentOf(sources.path)}`);
  }

  #createContext(): CommandContext {
    return {
      sources: this.#sources,
      paths: this.#paths,
      notices: this.notices,
      searches: this.searches,
      loaded: { args: [], initrds: [] },
      valueOf: (name) => this.#valueOf(name),
      setVariable: (name, value) => void this.#variables.set(name, value),
      unsetVariable: (name) => void this.#variables.delete(name),
      addEntry: (entry) => void this.#menu.push(entry),
    };
  }

  /** Runs the whole configuration. */
  start(): Outcome {
    const { path, devices } = this.#sources;
    this.#begin(maximumSteps);
    return this.#outcome(() => this.#runFile(path), new Set([`(${devices.own})${path}`]));
  }

  /** Runs an entry's commands, or opens a submenu. */
  open(entry: MenuEntry, menu: Menu): Outcome {
    // A submenu may hold a whole menu.
    this.#begin(entry.isSubmenu ? maximumSteps : maximumEntrySteps);
    this.#running = new Set(menu.files);
    this.#charge(menu.variables.size * keptVariableSize);
    this.#variables = new Map(menu.variables);
    return this.#outcome(() => {
      this.#scope = { args: entry.args };
      this.#run(entry.body);
    }, menu.files);
  }

  #begin(steps: number): void {
    this.#menu = [];
    this.#scope = undefined;
    this.#loops = 0;
    this.#depth = 0;
    this.#running = new Set();
    this.#context.loaded = { args: [], initrds: [] };
    this.#paths.forgetMissing();
    this.#lastResult = undefined;
    this.#stepsLeft = steps;
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
    const { kernel, args, initrds } = this.#context.loaded;
    if (kernel === undefined) {
      const { missing } = this.#paths;
      return missing === undefined ? { kind: "nothing" } : { kind: "nothing", device: missing };
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
    if (--this.#stepsLeft < 0) throw new Leave("stop");
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
          if (value !== undefined) assign(this.#context, `${statement.name}=${value}`);
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
    const functionBody = this.#functions.get(name);
    if (functionBody !== undefined && !isCommandName(name)) return this.#call(functionBody, args);
    const command = findCommand(name);
    if (command !== undefined) return command(this.#context, { name, args, block });
    const [first = ""] = args;
    switch (name) {
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
      case "eval":
        return this.#runCode(args.join(" "));
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
        if (this.#context.loaded.kernel === undefined) return result.badArgument;
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
      this.#context.loaded = { args: [], initrds: [] };
      this.#paths.noteMissing(splitDevice(first).device ?? this.#valueOf("root"));
      return result.done;
    }
    if (isQuietCommand(name)) return result.done;
    assign(this.#context, name);
    return undefined;
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

  #source(name: string): number {
    const place = this.#paths.place(name);
    return place === undefined ? result.notFound : this.#runFile(place.path, place.partition);
  }

  /** Runs a file in the context that is there. What cannot be read in it is left out. */
  #runFile(path: string, partition = this.#sources.devices.own): number {
    const key = `(${partition})${path}`;
    // A file that names itself means one of the same name on another partition: "configfile
    // (hd1,gpt2)/boot/grub/grub.cfg".
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
        else this.notices.add(this.#skipped.describe(path, piece.error.message));
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
      const place = this.#paths.place(name);
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

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
