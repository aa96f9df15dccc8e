import assert from "node:assert/strict";
import type { CommandEntry, JournalEntry } from "./journal.ts";
import { isReload, listFilesOf, nameOf, undoOrder, unitOf } from "./undo_order.ts";

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
