import assert from "node:assert/strict";
import type { FileState } from "./file_state.ts";
import { type CommandEntry, emptyJournal, type FileEntry, type JournalEntry } from "./journal.ts";
import type { UndoAction } from "./undo_action.ts";
import {
  decideUndo,
  isReload,
  listFilesOf,
  listRestorable,
  nameOf,
  planUndo,
  undoOrder,
  type UndoSituation,
  unitOf,
} from "./undo_plan.ts";

const file = (path: string): JournalEntry => ({
  kind: "file",
  path,
  original: { kind: "absent" },
  ours: [],
  isSecret: false,
});
const command = (id: string, more: Partial<CommandEntry> = {}): CommandEntry => {
  const entry: CommandEntry = {
    ...{ kind: "command", id, what: `do ${id}`, argv: [id], undo: "repeat", causes: [] },
    ...{ hasRun: true, isNeeded: false, outputs: [] },
  };
  return { ...entry, ...more };
};

const unit: JournalEntry = { kind: "unit", unit: "a.service", wasEnabled: false };
const start = command("start", { undo: "stop", argv: ["systemctl", "restart", "a.service"], causes: ["/etc/key"] });
const rebuild = command("rebuild", { causes: ["/etc/hook"] });
const reload = command("reload", { argv: ["nmcli", "general", "reload", "conf"] });
const directory: JournalEntry = { kind: "directory", path: "/etc/new" };
const entries = [
  ...[directory, file("/etc/key"), file("/etc/hook"), rebuild, reload, file("/etc/systemd/system/a.service")],
  ...[unit, start],
];

Deno.test("undo: units first, then what runs, files backwards, and last what brings things up to date, in its order", () => {
  assert.deepEqual(undoOrder(entries).map(nameOf), [
    ...["a.service", "do start", "/etc/systemd/system/a.service", "/etc/hook", "/etc/key", "do rebuild", "do reload"],
  ]);
  assert.deepEqual(undoOrder([]), []);
});

Deno.test("undo: a unit that stays keeps its own file and what it was started anew for", () => {
  assert.deepEqual(entries.map(unitOf), [...Array(6).fill(undefined), "a.service", "a.service"]);
  assert.deepEqual(listFilesOf(entries, "a.service"), ["/etc/systemd/system/a.service", "/etc/key"]);
  assert.deepEqual(listFilesOf(entries, "b.service"), []);
});

Deno.test("undo: what only tells running programs to read their files again is known by its program", () => {
  assert.deepEqual([rebuild, reload, start].map(isReload), [false, true, true]);
});

const state = (digit: string): FileState => ({ kind: "file", sha256: digit.repeat(64), sizeBytes: 1, mode: 0o644 });
const [mine, ours, foreign] = [state("a"), state("b"), state("c")];
const absent: FileState = { kind: "absent" };
const written: FileEntry = { kind: "file", path: "/etc/x", original: mine, backup: 1, ours: [ours], isSecret: false };
const made: FileEntry = { kind: "file", path: "/etc/new", original: absent, ours: [ours], isSecret: false };
const image = command("image", {
  undo: "nothing",
  causes: ["/etc/x"],
  outputs: [{ path: "/boot/i", original: absent, ours }],
  ownPaths: ["/boot/i", "/boot/i.new"],
});

interface Case {
  readonly entry: JournalEntry;
  readonly others?: readonly JournalEntry[];
  readonly files?: Readonly<Record<string, FileState>>;
  readonly enabled?: readonly string[];
  readonly active?: readonly string[];
  readonly isRunning?: boolean;
  readonly leftUnits?: readonly string[];
  /** The action's kind, and what else it says. */
  readonly action: string;
  readonly more?: Partial<UndoAction>;
}

function situationOf(the: Omit<Case, "action" | "entry">, entries: readonly JournalEntry[]): UndoSituation {
  return {
    journal: { ...emptyJournal, entries },
    facts: {
      isRunning: the.isRunning ?? true,
      files: new Map(Object.entries(the.files ?? {})),
      enabled: new Set(the.enabled),
      active: new Set(the.active),
    },
    leftUnits: new Set(the.leftUnits),
  };
}

const serviceFile = { ...made, path: "/etc/systemd/system/a.service" };
const wasEnabled: JournalEntry = { kind: "unit", unit: "a.service", wasEnabled: true };
const inBoot = { "/boot/i": ours, "/boot/i.new": absent };

const cases: Readonly<Record<string, Case>> = {
  "a file as we left it comes back": {
    entry: written,
    files: { "/etc/x": ours },
    action: "restore-file",
    more: { current: ours },
  },
  "a file that was there before, and is as it was": { entry: written, files: { "/etc/x": mine }, action: "forget" },
  "a file that another program has changed": { entry: written, files: { "/etc/x": foreign }, action: "leave-file" },
  "a file that another program has removed": { entry: written, files: { "/etc/x": absent }, action: "leave-file" },
  "a directory in a file's place": { entry: written, files: { "/etc/x": { kind: "other" } }, action: "leave-file" },
  "a file of ours that is gone": { entry: made, files: { "/etc/new": absent }, action: "forget" },
  "a run that was cut off left the first of two states": {
    entry: { ...written, ours: [ours, foreign] },
    files: { "/etc/x": foreign },
    action: "restore-file",
  },
  "a unit that is left keeps its file": {
    entry: serviceFile,
    files: { [serviceFile.path]: ours },
    leftUnits: ["a.service"],
    action: "keep-file",
    more: { unit: "a.service" },
  },
  "a unit that is left keeps what it was started for": {
    entry: { ...made, path: "/etc/key" },
    others: [start],
    files: { "/etc/key": ours },
    leftUnits: ["a.service"],
    action: "keep-file",
  },
  "another unit that is left": {
    entry: serviceFile,
    files: { [serviceFile.path]: ours },
    leftUnits: ["b.service"],
    action: "restore-file",
  },
  "an enabled unit": { entry: unit, enabled: ["a.service"], action: "disable-unit", more: { isStopped: true } },
  "an enabled unit of a tree": {
    entry: unit,
    enabled: ["a.service"],
    isRunning: false,
    action: "disable-unit",
    more: { isStopped: false },
  },
  "a unit that the user has disabled": { entry: unit, action: "forget" },
  "a unit that was enabled before": { entry: wasEnabled, enabled: ["a.service"], action: "forget" },
  "a unit that was started and still runs": {
    entry: start,
    active: ["a.service"],
    action: "stop-unit",
    more: { unit: "a.service", startsAtBoot: false },
  },
  "a unit that starts at boot, too": {
    entry: start,
    active: ["a.service"],
    enabled: ["a.service"],
    action: "stop-unit",
    more: { startsAtBoot: true },
  },
  "a unit that was started and has ended": { entry: start, action: "forget" },
  "a unit that was never started": { entry: { ...start, hasRun: false }, active: ["a.service"], action: "forget" },
  "a unit of a tree": { entry: start, active: ["a.service"], isRunning: false, action: "forget" },
  "a unit that the user did not want to disable": {
    entry: start,
    others: [unit],
    active: ["a.service"],
    action: "nothing",
  },
  "a command whose files are back": {
    entry: rebuild,
    action: "undo-command",
    more: { isRepeated: true, keepsResult: false },
  },
  "a command with a file left that it reads": {
    entry: rebuild,
    others: [{ ...made, path: "/etc/hook" }],
    action: "undo-command",
    more: { isRepeated: true, keepsResult: true },
  },
  "a command that never ran": { entry: { ...rebuild, hasRun: false }, action: "forget" },
  "a command that never ran, with a file left that it reads": {
    entry: { ...rebuild, hasRun: false },
    others: [{ ...made, path: "/etc/hook" }],
    action: "nothing",
  },
  "settings that a running program rereads": { entry: reload, action: "undo-command" },
  "settings of a tree, where nothing runs": { entry: reload, isRunning: false, action: "forget" },
  "what only our command writes": {
    entry: image,
    files: inBoot,
    action: "undo-command",
    more: { entry: image, isRepeated: false, keepsResult: false },
  },
  "what only our command writes, with its file left": {
    entry: image,
    others: [written],
    files: inBoot,
    action: "undo-command",
    more: { keepsResult: false },
  },
  "what a run that was cut off has written besides": {
    entry: image,
    files: { ...inBoot, "/boot/i.new": foreign },
    action: "undo-command",
    more: { entry: { ...image, outputs: [...image.outputs, { path: "/boot/i.new", original: absent }] } },
  },
  "a command that has written nothing": {
    entry: { ...image, outputs: [] },
    files: { "/boot/i": absent, "/boot/i.new": absent },
    action: "forget",
  },
  "a directory goes at the very end": { entry: directory, action: "nothing" },
};

for (const [name, the] of Object.entries(cases)) {
  Deno.test(`undo: ${name}: ${the.action}`, () => {
    const action = decideUndo(the.entry, situationOf(the, [the.entry, ...the.others ?? []]));
    assert.equal(action.kind, the.action);
    for (const [key, value] of Object.entries(the.more ?? {})) {
      assert.deepEqual(action[key as keyof UndoAction], value, key);
    }
  });
}

Deno.test("undo: the whole plan has an action for each entry but directories, in order", () => {
  const situation = situationOf({
    files: { "/etc/key": ours, "/etc/hook": absent, "/etc/systemd/system/a.service": foreign },
    enabled: ["a.service"],
    active: ["a.service"],
  }, entries.map((entry) => entry.kind === "file" ? { ...entry, ours: [ours] } : entry));
  assert.deepEqual(planUndo(situation).map(({ kind, entry }) => `${kind} ${nameOf(entry)}`), [
    ...["disable-unit a.service", "nothing do start", "leave-file /etc/systemd/system/a.service", "forget /etc/hook"],
    ...["restore-file /etc/key", "undo-command do rebuild", "undo-command do reload"],
  ]);
});

Deno.test("undo: of what a command has written, what others have written since stays, but for what exists because of us", () => {
  const outputs = [
    { path: "/boot/initrd", original: mine, backup: 1, ours },
    { path: "/boot/initrd.old", original: mine, backup: 2, ours },
    { path: "/boot/made", original: absent, ours },
    { path: "/boot/cut-off", original: mine, backup: 3 },
  ];
  const now = { "/boot/initrd": ours, "/boot/initrd.old": foreign, "/boot/made": foreign, "/boot/cut-off": foreign };
  const paths = (entry: CommandEntry): readonly string[] =>
    listRestorable(entry, new Map(Object.entries(now))).map(({ path }) => path);
  assert.deepEqual(paths({ ...rebuild, outputs }), ["/boot/initrd", "/boot/made", "/boot/cut-off"]);
  assert.deepEqual(paths({ ...image, outputs }), outputs.map(({ path }) => path));
});
