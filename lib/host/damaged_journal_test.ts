/**
 * A4 and A10: a journal that is gone, damaged or not a file at all. What is seen before beginning stops everything
 * before it begins.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createHostRig,
  createScriptedUi,
  ownInitramfs,
  snapshot,
  writeOperation as write,
} from "../../tests/support/host_rig.ts";
import { reportError } from "../cli/report_error.ts";
import { StoppedByUser, UserError } from "../errors.ts";
import type { MemorySystem } from "../../tests/support/memory_system.ts";
import type { System } from "../system/system.ts";
import { applyPlan } from "./apply.ts";
import { openHost } from "./host.ts";
import { backupDirectory, emptyJournal, formatJournal, journalPath, stateDirectory } from "./journal.ts";
import type { Plan } from "./plan.ts";
import { undoSetup } from "./undo.ts";

const confPath = "/etc/app.conf";
const hookPath = "/etc/initramfs-tools/hooks/stiefelsystem";

const plan: Plan = {
  title: "Test",
  notices: [],
  operations: [
    write(confPath, "ours\n"),
    write("/etc/new/deep.conf", "new\n"),
    write(hookPath, "#!/bin/sh\n"),
    {
      kind: "run-command",
      id: "rebuild",
      what: "rebuild the initramfs",
      why: "For the test",
      needs: [hookPath],
      argv: ["update-initramfs", "-u"],
      changedBy: [hookPath],
      outputs: [{ directory: "/boot", startsWith: "initrd.img-", endsWith: "" }],
      undo: "repeat",
    },
    {
      kind: "enable-unit",
      id: "enable",
      what: "enable the unit",
      why: "For the test",
      needs: [],
      unit: "stiefel-autokexec.service",
      wantedBy: "multi-user.target",
    },
  ],
};

const original = { [confPath]: "mine\n", "/etc/fstab": "UUID=1 / ext4\n", [ownInitramfs]: "the laptop's own" };

async function setUp(): Promise<MemorySystem> {
  const system = createHostRig({ files: original });
  await applyPlan(await openHost(system, createScriptedUi(["yes"])), plan);
  return system;
}

const undo = async (system: System): Promise<readonly string[]> =>
  (await undoSetup(await openHost(system, createScriptedUi(["yes"])))).left;
const setup = async (system: System): Promise<void> =>
  void await applyPlan(await openHost(system, createScriptedUi(["yes"])), {
    ...plan,
    operations: [...plan.operations, write("/etc/fstab", "replaced\n")],
  });

/** Both refuse, in plain words, and change nothing. @returns what undo-setup says */
async function refuse(system: MemorySystem): Promise<string> {
  const before = snapshot(system);
  let said = "";
  for (const command of [setup, undo]) {
    const error = await command(system).then(() => undefined, (error) => error);
    assert.ok(error instanceof UserError && !(error instanceof StoppedByUser), String(error));
    assert.deepEqual(snapshot(system), before, "something was changed");
    said = reportError(error).lines.join("\n");
    assert.doesNotMatch(said, /\n {4}at |please report|undefined|\[object/, said);
    assert.match(said, /Nothing was changed/);
    const copies = await system.readDirectory(backupDirectory).catch(() => []);
    // A journal that can be read knows some of them.
    for (const name of /does not know of copies/.test(said) ? [] : copies) {
      assert.ok(said.includes(`There is ${backupDirectory}/${name} (`), said);
    }
  }
  return said;
}

Deno.test("A4: without its journal neither undo-setup nor setup-server touches the copies of originals", async () => {
  for (const content of [undefined, formatJournal(emptyJournal)]) {
    const system = await setUp();
    await system.remove(journalPath);
    if (content !== undefined) await system.writeFile(journalPath, content);
    const said = await refuse(system);
    assert.match(
      said,
      content === undefined ? /is gone, but copies of originals are there/ : /does not know of copies/,
    );
    assert.match(said, /There is \/var\/lib\/stiefelsystem\/backup\/1 \(5 bytes, mode 0644\)/);
    assert.match(said, /There is \/var\/lib\/stiefelsystem\/backup\/2 /);
    assert.match(said, /put it back and run this again/);
  }
});

Deno.test("A4: an older journal that was put back does not know all copies", async () => {
  const system = createHostRig({ files: original });
  const first = { ...plan, operations: plan.operations.slice(0, 1) };
  await applyPlan(await openHost(system, createScriptedUi(["yes"])), first);
  const old = await system.readText(journalPath);
  await applyPlan(await openHost(system, createScriptedUi(["yes"])), plan);
  await system.writeFile(journalPath, old);
  assert.match(await refuse(system), /does not know of copies/);
});

Deno.test("A4: a directory or a link in the journal's place is no journal", async () => {
  const directory = await setUp();
  await directory.rename(journalPath, "/root/journal.json");
  await directory.makeDirectory(journalPath);
  assert.match(await refuse(directory), /it is a directory, wanted a file/);
  for (const [target, moved] of [["/nowhere", "/root/journal.json"], ["/root/elsewhere", "/root/elsewhere"]] as const) {
    const system = await setUp();
    await system.rename(journalPath, moved);
    (system.symlinks as Map<string, string>).set(journalPath, target);
    assert.match(await refuse(system), new RegExp(`it is a symbolic link to "${target}"`));
    // Put back, all is well.
    await system.remove(journalPath);
    await system.rename(moved, journalPath);
    assert.deepEqual(await undo(system), []);
  }
});

Deno.test("A4: with neither journal nor copies, what setup-server has installed is named", async () => {
  const system = createHostRig({ files: original });
  const ui = createScriptedUi(["yes"]);
  await undoSetup(await openHost(system, ui));
  assert.deepEqual(ui.said, ["Nothing to undo: setup-server has changed nothing here."]);
  await system.writeFile("/boot/initramfs-stiefel.img", "");
  await system.writeFile("/etc/stiefelsystem/config.yaml", "");
  const before = snapshot(system);
  const second = createScriptedUi(["yes"]);
  await undoSetup(await openHost(system, second));
  assert.deepEqual(snapshot(system), before);
  assert.deepEqual(second.said, [
    "Nothing to undo: there is no journal of setup-server here.",
    "Warning: Files that it installs are there, though. Without the journal they stay, and so does what they replaced:",
    "    /etc/stiefelsystem/config.yaml",
    "    /boot/initramfs-stiefel.img",
    '    Hint: doc/host-changes.md, "When the journal is damaged"',
  ]);
});

Deno.test("A4: what is no directory in the place of the journal's directory or of the copies is refused", async () => {
  for (const path of [stateDirectory, backupDirectory]) {
    const system = await setUp();
    await system.rename(path, "/root/away");
    await system.writeFile(path, "a file");
    assert.match(await refuse(system), new RegExp(`Cannot use "${path}": it is a file, no directory`));
    await system.remove(path);
    (system.symlinks as Map<string, string>).set(path, "/nowhere");
    assert.match(await refuse(system), new RegExp(`Cannot use "${path}": it is a symbolic link`));
  }
});

Deno.test("A10: a copy that is missing or changed is found before anything is undone, and there is a way out", async () => {
  for (
    const lose of [
      (system: MemorySystem) => system.remove(`${backupDirectory}/1`),
      (system: MemorySystem) => system.writeFile(`${backupDirectory}/1`, "other\n"),
      (system: MemorySystem) => system.chmod(`${backupDirectory}/1`, 0o600),
    ]
  ) {
    const system = await setUp();
    await lose(system);
    const before = snapshot(system);
    const error = await undo(system).then(() => undefined, (error) => error);
    assert.ok(error instanceof UserError, String(error));
    assert.match(reportError(error).lines.join("\n"), /"\/etc\/app\.conf" was 5 bytes, mode 0644; its copy/);
    assert.deepEqual(snapshot(system), before);
    // The user puts it back.
    await system.writeFile(confPath, "mine\n");
    assert.deepEqual(await undo(system), []);
    assert.equal(await system.readText(confPath), "mine\n");
  }
});

Deno.test("A10: so is the copy of what a command has written", async () => {
  const system = await setUp();
  await system.remove(`${backupDirectory}/2`);
  const before = snapshot(system);
  await assert.rejects(undo(system), /Cannot undo: 1 copies/);
  assert.deepEqual(snapshot(system), before);
  // Another program has built it anew: it is not put back then.
  await system.writeFile(ownInitramfs, "built by hand");
  assert.deepEqual(await undo(system), []);
});

type Json = { [key: string]: unknown };
/** What a journal entry is for tests that damage it. */
interface LooseJournal extends Json {
  entries: Json[];
}

const file = (journal: LooseJournal): Json => journal.entries.find(({ kind }) => kind === "file") ?? {};
const command = (journal: LooseJournal): Json => journal.entries.find(({ kind }) => kind === "command") ?? {};
const unit = (journal: LooseJournal): Json => journal.entries.find(({ kind }) => kind === "unit") ?? {};

const damages: readonly (readonly [name: string, damage: (journal: LooseJournal) => unknown, said: RegExp])[] = [
  [
    "a relative path",
    (journal) => file(journal)["path"] = "etc/app.conf",
    /"entries 1 path" is "etc\/app.conf", wanted an/,
  ],
  ["a path with ..", (journal) => file(journal)["path"] = "/etc/../app.conf", /wanted an absolute path without/],
  ["a path with a zero byte", (journal) => file(journal)["path"] = "/etc/app\0", /wanted an absolute path/],
  ["the root", (journal) => file(journal)["path"] = "/", /wanted an absolute path/],
  ["a path into the journal", (journal) => file(journal)["path"] = journalPath, /about the journal itself/],
  [
    "no number of a copy",
    (journal) => delete file(journal)["backup"],
    /names no copy of the original of "\/etc\/app.conf"/,
  ],
  ["a copy that was never made", (journal) => file(journal)["backup"] = 99, /names copy 99, which was never made/],
  ["another file's copy", (journal) => file(journal)["backup"] = 2, /names copy 2, which is another file's/],
  ["half a copy", (journal) => file(journal)["backup"] = 1.5, /wanted a whole number/],
  ["a number for a path", (journal) => file(journal)["path"] = 5, /"entries 1 path" is 5, wanted text/],
  ["no path", (journal) => delete file(journal)["path"], /"entries 1 path" is missing/],
  [
    "an original that is a directory",
    (journal) => file(journal)["original"] = { kind: "other" },
    /wanted a file, a symbolic/,
  ],
  ["a text that is no sum", (journal) => (file(journal)["original"] as Json)["sha256"] = "abc", /wanted a SHA-256/],
  ["an unknown kind", (journal) => file(journal)["kind"] = "socket", /"entries 1 kind" is "socket", wanted/],
  ["an unknown key", (journal) => file(journal)["extra"] = 1, /"entries 1 extra" is not known/],
  ["an entry twice", (journal) => journal.entries.push(structuredClone(file(journal))), /is there twice/],
  ["an option for a unit", (journal) => unit(journal)["unit"] = "--force.service", /wanted the name of a unit/],
  ["a command without a program", (journal) => command(journal)["argv"] = [], /wanted a program and its arguments/],
  ["a zero byte in a command", (journal) => command(journal)["argv"] = ["a\0b"], /wanted text without a zero byte/],
  [
    "text for a list",
    (journal) => command(journal)["outputs"] = "none",
    /"entries \d outputs" is "none", wanted a list/,
  ],
  ["another version", (journal) => journal["version"] = 2, /written by another version .*format 2, known is 1/],
  ["no version", (journal) => delete journal["version"], /"version" is missing/],
  ["no entries", (journal) => delete (journal as Json)["entries"], /"entries" is missing/],
  ["text for the next copy", (journal) => journal["nextBackup"] = "3", /"nextBackup" is "3", wanted a number/],
];
for (const [name, damage, said] of damages) {
  Deno.test(`A10: a journal with ${name} is refused in plain words`, async () => {
    const system = await setUp();
    const journal = JSON.parse(await system.readText(journalPath)) as LooseJournal;
    damage(journal);
    await system.writeFile(journalPath, JSON.stringify(journal));
    assert.match(await refuse(system), said);
  });
}

const texts: readonly (readonly [name: string, make: (text: string) => string | Uint8Array, said: RegExp])[] = [
  ["cut off", (text) => text.slice(0, 100), /it is cut off, or no JSON/],
  ["empty", () => "", /it is cut off, or no JSON/],
  ["null", () => "null", /it is null, wanted an object/],
  ["a list", () => "[]", /wanted an object|is missing/],
  ["a number", () => "5", /it is 5, wanted an object/],
  ["not UTF-8", (text) => Uint8Array.of(0xff, ...new TextEncoder().encode(text)), /it is not UTF-8 text/],
  ["zeros", () => new Uint8Array(500), /it is cut off, or no JSON/],
  ["huge", (text) => `${" ".repeat(20_000_000)}${text}`, /has \d+ bytes, more than any journal/],
  ["deep", () => "[".repeat(100_000), /it is cut off, or no JSON/],
  ["full of control characters", () => '{"version":"\\u001b]0;x"}', /"version" is "\\u001b\]0;x", wanted/],
];
for (const [name, make, said] of texts) {
  Deno.test(`A10: a journal that is ${name} is refused in plain words`, async () => {
    const system = await setUp();
    await system.writeFile(journalPath, make(await system.readText(journalPath)));
    const text = await refuse(system);
    assert.match(text, said);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f]/);
  });
}

/** Every place of a value, as a path of keys. */
function placesOf(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  const inside = Array.isArray(value)
    ? value.flatMap((item, index) => placesOf(item, [...path, index]))
    : value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))
    : [];
  return [path, ...inside];
}

function replaceAt(value: unknown, path: readonly (string | number)[], change: (value: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const next = replaceAt(copy[key], rest, change);
  if (next !== undefined) copy[key] = next;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy;
}

const whole = JSON.parse(await (await setUp()).readText(journalPath));
const places = placesOf(whole);

const mutations = fc.record({
  place: fc.constantFrom(...places),
  value: fc.oneof(
    fc.constant(undefined),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("/etc/fstab", "/etc/app.conf", "../x", "/a/../b", "\0", "", 0, -1, 1, 2, 3, 99, 1e300, true, null),
    fc.constantFrom(...places).map((path) => path.reduce((inner, key) => inner[key], whole)),
  ),
});

Deno.test("A10: whatever is damaged in a journal, undo refuses with all as it was, or ends in words without touching what is the user's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mutations, { minLength: 1, maxLength: 3 }), async (changes) => {
      const system = await setUp();
      const damaged = changes.reduce<unknown>((journal, { place, value }) => {
        try {
          return replaceAt(journal, place, () => value);
        } catch {
          return journal; // an earlier change has removed the place
        }
      }, whole);
      await system.writeFile(journalPath, JSON.stringify(damaged) ?? "");
      const before = snapshot(system);
      try {
        await undo(system);
      } catch (error) {
        // A program that fails is a failure of that program, in words as well.
        assert.ok(error instanceof UserError || (error as Error).name === "CommandError", String(error));
        if (error instanceof UserError) assert.deepEqual(snapshot(system), before);
      }
      // A file that setup-server has not written is never changed.
      assert.equal(await system.readText("/etc/fstab"), "UUID=1 / ext4\n");
    }),
    { numRuns: 300, seed: 10 },
  );
});

Deno.test("A10: a journal that is cut off anywhere is refused", async () => {
  const system = await setUp();
  const text = await system.readText(journalPath);
  for (let length = 0; length < text.trimEnd().length; length += 7) {
    await system.writeFile(journalPath, text.slice(0, length));
    await assert.rejects(undo(system), /it is cut off, or no JSON/);
  }
});
