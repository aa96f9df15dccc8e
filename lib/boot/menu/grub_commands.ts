/**
 * GRUB's commands that read and write variables, files, the menu and what is to be loaded. Those that change which
 * statement comes next are in grub_machine.ts. Pure. Source: GRUB, grub-core/commands/, and the GRUB manual.
 */

import { blsScripts } from "./grub_bls.ts";
import { evaluateTest } from "./grub_conditions.ts";
import { splitDevice } from "./grub_devices.ts";
import { parseGrubEnvironment } from "./grub_environment.ts";
import { isBlockList } from "./grub_files.ts";
import type { MenuEntry } from "./grub_menu.ts";
import { result } from "./grub_names.ts";
import { readOptions } from "./grub_options.ts";
import type { GrubPath, GrubPaths, GrubSources } from "./grub_paths.ts";
import { matchRegexp } from "./grub_regexp.ts";
import { readGrubScript, type Statement } from "./grub_script.ts";

/** What the commands of an entry have loaded. */
export interface Loaded {
  kernel?: GrubPath;
  args: readonly string[];
  initrds: readonly GrubPath[];
}

/** A device that `search` has set, with what stood in the variable before, and hints. */
export interface FoundDevice {
  readonly found: string;
  readonly names: readonly string[];
}

/** What a command sees and changes. */
export interface CommandContext {
  readonly sources: GrubSources;
  readonly paths: GrubPaths;
  readonly notices: Set<string>;
  readonly searches: FoundDevice[];
  loaded: Loaded;
  /** "" for a variable that is not set. */
  readonly valueOf: (name: string) => string;
  readonly setVariable: (name: string, value: string) => void;
  readonly unsetVariable: (name: string) => void;
  readonly addEntry: (entry: MenuEntry) => void;
}

/** A command as a script calls it. */
export interface CommandCall {
  readonly name: string;
  readonly args: readonly string[];
  /** The statements in braces behind `menuentry` and `submenu`. */
  readonly block: readonly Statement[] | undefined;
}

/** @returns one of {@link result} */
type Command = (context: CommandContext, call: CommandCall) => number;

const isFalse: Command = () => result.false;

const test: Command = ({ paths }, { args }) =>
  evaluateTest(args, { look: (path) => paths.look(path) }) ? result.done : result.false;

const loadKernel: Command = (context, { args: [kernel, ...args] }) => {
  context.loaded = {
    args,
    initrds: [],
    ...(kernel === undefined ? {} : { kernel: context.paths.toGrubPath(kernel) }),
  };
  return result.done;
};

const loadInitrds: Command = ({ loaded, paths }, { args }) => {
  loaded.initrds = args.filter((arg) => !arg.startsWith("--")).map((arg) =>
    paths.toGrubPath(arg.replace(/^newc:[^:]*:/, ""))
  );
  return result.done;
};

const searchCommand: Command = (context, { name, args }) => search(context, name, args);

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    "set",
    (context, { args: [first = ""] }) => first === "" || assign(context, first) ? result.done : result.badArgument,
  ],
  ["unset", (context, { args: [first = ""] }) => {
    context.unsetVariable(first);
    return result.done;
  }],
  ["[", test],
  ["test", test],
  ["false", isFalse],
  ["keystatus", isFalse],
  ["cmostest", isFalse],
  ["menuentry", (context, { args, block }) => addEntry(context, "menuentry", args, block)],
  ["submenu", (context, { args, block }) => addEntry(context, "submenu", args, block)],
  ["linux", loadKernel],
  ["linux16", loadKernel],
  ["linuxefi", loadKernel],
  ["initrd", loadInitrds],
  ["initrd16", loadInitrds],
  ["initrdefi", loadInitrds],
  ["load_env", (context, { args }) => loadEnvironment(context, args)],
  ["blscfg", (context, { args: [first = ""] }) => addBlsEntries(context, first)],
  ["search", searchCommand],
  ["search.fs_uuid", searchCommand],
  ["search.fs_label", searchCommand],
  ["search.file", searchCommand],
  ["probe", (context, { args }) => probe(context, args)],
  ["regexp", (context, { args }) => regexp(context, args)],
  ["increment", (context, { args: [first = ""] }) => count(context, first, 1)],
  ["decrement", (context, { args: [first = ""] }) => count(context, first, -1)],
]);

/** @returns undefined for a command that is not one of these */
export function findCommand(name: string): Command | undefined {
  return commands.get(name);
}

/** Sets a variable from "name=value". @returns false for text of another form, and for parameters */
export function assign(context: CommandContext, assignment: string): boolean {
  const at = assignment.indexOf("=");
  const name = assignment.slice(0, at);
  // Parameters cannot be assigned.
  if (at < 1 || /^(?:\d|[#*@]$)/.test(name)) return false;
  context.setVariable(name, assignment.slice(at + 1));
  return true;
}

/** Fedora's: counts boots that have not been marked as good. */
function count(context: CommandContext, name: string, step: 1 | -1): number {
  const value = context.valueOf(name);
  if (!/^-?\d+$/.test(value)) return result.badArgument;
  context.setVariable(name, String(Number(value) + step));
  return result.done;
}

function addEntry(
  context: CommandContext,
  kind: "menuentry" | "submenu",
  args: readonly string[],
  block: readonly Statement[] | undefined,
): number {
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
  context.addEntry({
    title,
    id: values.get("id")?.at(-1) ?? title,
    args: positional,
    body,
    isSubmenu: kind === "submenu",
  });
  return result.done;
}

function loadEnvironment(context: CommandContext, args: readonly string[]): number {
  const options = readOptions(args, {
    short: { f: "file", s: "skip-sig" },
    withValue: ["file"],
    without: ["skip-sig"],
  });
  if (options === undefined) return result.badArgument;
  const { values, positional } = options;
  const name = values.get("file")?.at(-1) ?? `${context.valueOf("prefix")}/grubenv`;
  const text = context.paths.read(name);
  const variables = text === undefined ? undefined : parseGrubEnvironment(text);
  if (variables === undefined) {
    const { path } = splitDevice(name);
    if (isBlockList(path)) {
      context.notices.add(
        `GRUB keeps its environment in blocks outside the file system ("${path}"), which cannot be read here: its saved entry is unknown`,
      );
    }
    return result.notFound;
  }
  for (const [variable, value] of variables) {
    // A choice for one boot was meant for the laptop's next boot, not for ours.
    if (variable === "next_entry" || (positional.length > 0 && !positional.includes(variable))) continue;
    context.setVariable(variable, value);
  }
  return result.done;
}

/** Options: GRUB manual, "search". The dotted names are what `grub-install` writes into its own small scripts. */
function search(context: CommandContext, name: string, args: readonly string[]): number {
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
  const found = find(context, kind, key);
  if (found === undefined) return result.notFound;
  if (name !== "search" || isSet) {
    context.searches.push({ found, names: [context.valueOf(variable), ...hints] });
    context.setVariable(variable, found);
  }
  return result.done;
}

function find(context: CommandContext, kind: string, key: string): string | undefined {
  const { devices, files } = context.sources;
  if (kind === "fs-uuid") return devices.findByUuid(key);
  if (kind === "label") return devices.findByLabel(key);
  return devices.all.find((partition) => files.look(partition, key)?.kind === "file");
}

function probe(context: CommandContext, args: readonly string[]): number {
  const options = readOptions(args, {
    short: { s: "set", u: "fs-uuid", l: "label", f: "fs", p: "partmap", d: "driver" },
    withValue: ["set"],
    without: ["fs-uuid", "label", "fs", "partmap", "driver", "part-uuid"],
  });
  if (options === undefined) return result.badArgument;
  const { values, positional } = options;
  const device = (positional[0] ?? "").replace(/^\((.*)\)$/, "$1");
  const [partition, ...others] = context.sources.devices.resolve(device);
  const uuid = context.sources.devices.uuidOf(device) ??
    (partition !== undefined && others.length === 0 ? context.sources.devices.uuidOf(partition) : undefined);
  const variable = values.get("set")?.at(-1);
  if (!values.has("fs-uuid") || uuid === undefined) return result.notFound;
  if (variable !== undefined) context.setVariable(variable, uuid);
  return result.done;
}

function regexp(context: CommandContext, args: readonly string[]): number {
  const options = readOptions(args, { short: { s: "set" }, withValue: ["set"] });
  if (options === undefined) return result.badArgument;
  const { values, positional: [pattern, text] } = options;
  if (pattern === undefined || text === undefined) return result.badArgument;
  const groups = matchRegexp(pattern, text);
  if (groups === undefined) return result.false;
  for (const target of values.get("set") ?? []) {
    const [, number = "1", variable = ""] = /^(?:(\d+):)?(.*)$/s.exec(target) ?? [];
    const value = groups[Number(number)];
    if (value === undefined) context.unsetVariable(variable);
    else context.setVariable(variable, value);
  }
  return result.done;
}

function addBlsEntries(context: CommandContext, argument: string): number {
  const named = splitDevice(argument);
  const device = named.device ?? context.valueOf("root");
  const directories = named.path.startsWith("/")
    ? [named.path]
    : [context.valueOf("blsdir") || "/loader/entries", "/boot/loader/entries"];
  const { own, resolve } = { own: context.sources.devices.own, resolve: context.sources.devices.resolve(device) };
  for (const partition of resolve) {
    const lenient = partition === own ? [`${context.sources.bootDirectory}/loader/entries`] : [];
    for (const directory of [...directories, ...lenient]) {
      const names = context.sources.files.list(partition, directory)?.filter((name) => name.endsWith(".conf")) ?? [];
      if (names.length === 0) continue;
      const entries = names.map((fileName) => ({
        fileName,
        text: context.sources.files.read(partition, `${directory.replace(/\/$/, "")}/${fileName}`) ?? "",
      }));
      for (const { title, id, body } of blsScripts(entries, (name) => context.valueOf(name))) {
        context.addEntry({ title, id, args: [title], body, isSubmenu: false });
      }
      return result.done;
    }
  }
  if (resolve.length === 0) context.paths.noteMissing(device);
  return result.notFound;
}

const searchOptions = {
  short: { f: "file", l: "label", u: "fs-uuid", s: "set", n: "no-floppy", r: "root-dev-only", h: "hint" },
  withValue: ["hint", "hint-ieee1275", "hint-bios", "hint-baremetal", "hint-efi", "hint-arc"],
  optional: ["set"],
  without: ["file", "label", "fs-uuid", "no-floppy", "efidisk-only", "cryptodisk-only", "root-dev-only"],
  acceptsDash: true,
};
