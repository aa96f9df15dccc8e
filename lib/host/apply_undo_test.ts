import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createHostRig,
  createScriptedUi,
  cutPowerAfter,
  ownInitramfs,
  type ScriptedAnswer,
  type ScriptedUi,
  snapshot,
  wantsDirectory,
} from "../../tests/support/host_rig.ts";
import { CommandError, StoppedByUser } from "../errors.ts";
import type { MemorySystem } from "../../tests/support/memory_system.ts";
import { createReadOnlySystem } from "../system/read_only.ts";
import type { System } from "../system/system.ts";
import { applyPlan, type ApplyReport, previewPlan } from "./apply.ts";
import { openHost } from "./host.ts";
import { journalPath, parseJournal, stateDirectory } from "./journal.ts";
import type { Operation } from "./operations/kinds.ts";
import type { Plan } from "./plan.ts";
import { previewUndo, undoSetup } from "./undo.ts";

const unitPath = "/etc/systemd/system/stiefel-autokexec.service";
const hookPath = "/etc/initramfs-tools/hooks/stiefelsystem";
const keyPath = "/etc/stiefelsystem/aes-key";
const confPath = "/etc/NetworkManager/conf.d/90-stiefelsystem.conf";
const kernelPath = "/var/local/lib/stiefelsystem/kernel";
const rebuildId = "rebuild initramfs";

function planOf(edition: number): Plan {
  const file = (path: string, text: string, mode = 0o644, isSecret = false): Operation => ({
    kind: "write-file",
    id: path,
    what: `write ${path}`,
    why: "For the test",
    needs: [],
    path,
    content: { kind: "text", text },
    mode,
    isSecret,
  });
  return {
    title: "Test",
    notices: [],
    operations: [
      { ...file(kernelPath, ""), content: { kind: "copy-of", source: "/build/kernel" } } as Operation,
      file(keyPath, `key ${edition}`, 0o600, true),
      file(confPath, `[keyfile]\nedition=${edition}\n`),
      file(hookPath, `#!/bin/sh\n# edition ${edition}\n`, 0o755),
      { kind: "remove-file", id: "/etc/old", what: "remove /etc/old", why: "It is old", needs: [], path: "/etc/old" },
      {
        kind: "run-command",
        id: rebuildId,
        what: "rebuild the initramfs",
        why: "The hook is in it",
        needs: [hookPath],
        argv: ["update-initramfs", "-u", "-k", "all"],
        changedBy: [hookPath],
        outputs: [
          { directory: "/boot", startsWith: "initrd.img-", endsWith: "" },
          { directory: "/var/lib/initramfs-tools", startsWith: "", endsWith: "" },
        ],
        undo: "repeat",
      },
      file(unitPath, `[Service]\nExecStart=/edition/${edition}\n`),
      {
        kind: "enable-unit",
        id: "enable",
        what: "enable stiefel-autokexec.service",
        why: "To listen",
        needs: [unitPath],
        unit: "stiefel-autokexec.service",
        wantedBy: "multi-user.target",
      },
      {
        kind: "restart-unit",
        id: "restart",
        what: "restart stiefel-autokexec.service",
        why: "New settings",
        needs: [unitPath],
        unit: "stiefel-autokexec.service",
        changedBy: [unitPath, keyPath],
        undo: "stop",
      },
    ],
  };
}

const baseFiles = {
  "/etc/fstab": "UUID=1 / ext4\n",
  "/etc/old": "old\n",
  "/build/kernel": "kernel bytes",
  [ownInitramfs]: "the laptop's own",
  "/var/lib/initramfs-tools/6.12.0": "sum 0",
  [`${wantsDirectory}/cron.service`]: "link\n",
};

async function setup(system: System, ui: ScriptedUi, edition = 1): Promise<ApplyReport> {
  return await applyPlan(await openHost(system, ui), planOf(edition));
}

async function undo(system: System, ui: ScriptedUi): Promise<readonly string[]> {
  return (await undoSetup(await openHost(system, ui))).left;
}

async function ignoreStop(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof StoppedByUser)) throw error;
  }
}

const yes = (): ScriptedUi => createScriptedUi(["yes"]);

Deno.test("setup does what the plan says, undo leaves nothing behind", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  await setup(system, yes());
  assert.equal(system.files.get(keyPath)?.mode, 0o600);
  assert.equal(await system.readText(kernelPath), "kernel bytes");
  assert.match(await system.readText(ownInitramfs), /edition 1/);
  assert.ok(system.files.has(`${wantsDirectory}/stiefel-autokexec.service`));
  assert.ok(!system.files.has("/etc/old"));
  assert.deepEqual(await undo(system, yes()), []);
  assert.deepEqual(snapshot(system), before);
});

const isRunning = async (system: System): Promise<boolean> => {
  const argv = ["systemctl", "is-active", "--quiet", "stiefel-autokexec.service"];
  return (await system.run(argv, { acceptExitCodes: [0, 3] })).exitCode === 0;
};

Deno.test("undo stops a unit that was started, also where it was not enabled or is not any more", async () => {
  const disable = ["systemctl", "disable", "stiefel-autokexec.service"];
  const enableSkipped = [...Array<ScriptedAnswer>(7).fill("yes"), "skip", "yes"] as const;
  for (const [answers, later] of [[["yes"], []], [enableSkipped, []], [["yes"], [disable]]] as const) {
    const system = createHostRig({ files: baseFiles });
    const before = snapshot(system);
    await setup(system, createScriptedUi(answers));
    for (const argv of later) await system.run(argv);
    assert.ok(await isRunning(system));
    const ui = yes();
    assert.deepEqual(await undo(system, ui), []);
    assert.ok(!await isRunning(system));
    assert.deepEqual(snapshot(system), before);
    const isSaid = ui.said.some((line) => line.endsWith("Stop stiefel-autokexec.service"));
    assert.equal(isSaid, later.length > 0 || answers.length > 1, "what is disabled is stopped with it, unasked");
  }
});

Deno.test("a unit that the user leaves keeps its files, aloud, and the next undo finishes it", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  await setup(system, yes());
  const ui = createScriptedUi(["skip", "yes"]);
  const left = await undo(system, ui);
  assert.deepEqual(left.toSorted(), [
    `${keyPath} (skipped)`,
    `${unitPath} (skipped)`,
    "stiefel-autokexec.service (skipped)",
  ]);
  assert.ok(ui.said.join(" ").includes(`Skipped as well: ${unitPath}`), ui.said.join("\n"));
  assert.ok(await isRunning(system));
  assert.ok(system.files.has(unitPath) && system.files.has(keyPath) && !system.files.has(confPath));
  assert.deepEqual(await undo(system, yes()), []);
  assert.ok(!await isRunning(system));
  assert.deepEqual(snapshot(system), before);
});

Deno.test("a unit that was enabled before setup does not go on with files that undo takes away", async () => {
  const link = `${wantsDirectory}/stiefel-autokexec.service`;
  const system = createHostRig({ files: { ...baseFiles, [unitPath]: "[Service]\n# another\n", [link]: "link\n" } });
  const before = snapshot(system);
  await setup(system, yes());
  assert.ok(await isRunning(system));
  const ui = yes();
  assert.deepEqual(await undo(system, ui), []);
  assert.ok(!await isRunning(system));
  assert.match(ui.said.join(" "), /what was there\s+before\s+starts\s+at\s+the\s+next\s+boot/);
  assert.deepEqual(snapshot(system), before);
});

Deno.test("undo in a chroot, where systemd does not run, disables a unit without stopping it: systemctl would refuse", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  await setup(system, yes());
  await system.remove("/run/systemd/system");
  const ran: string[] = [];
  const recording: System = {
    ...system,
    run: (argv, options) => (ran.push(argv.join(" ")), system.run(argv, options)),
  };
  assert.deepEqual(await undo(recording, yes()), []);
  assert.ok(ran.includes("systemctl disable stiefel-autokexec.service"), ran.join("\n"));
  await system.writeFile("/run/systemd/system/x", "");
  assert.deepEqual(snapshot(system), before);
});

Deno.test("undo goes on where a network manager that has to reread its settings does not run any more", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  const reload: Operation = {
    kind: "run-command",
    id: "reload",
    what: "reload the settings of NetworkManager",
    why: "For the test",
    needs: [confPath],
    argv: ["nmcli", "general", "reload", "conf"],
    changedBy: [confPath],
    outputs: [],
    undo: "repeat",
  };
  const { operations, ...plan } = planOf(1);
  const withCommands = (nmcli: () => void, updateInitramfs = nmcli): System => ({
    ...system,
    run: (argv, options) => {
      if (argv[0] === "update-initramfs") updateInitramfs();
      if (argv[0] !== "nmcli") return system.run(argv, options);
      nmcli();
      return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
    },
  });
  const works = (): void => {};
  const fails = (): never => {
    throw new CommandError({ argv: ["nmcli"], notFound: true });
  };
  await applyPlan(await openHost(withCommands(works), yes()), { ...plan, operations: [...operations, reload] });
  const ui = yes();
  // What undo cannot do without still stops it.
  await assert.rejects(undo(withCommands(fails), ui), CommandError);
  assert.deepEqual(await undo(withCommands(fails, works), yes()), []);
  assert.ok(ui.said.some((line) => line.startsWith("Warning: Could not reload the settings of NetworkManager; ")));
  assert.deepEqual(snapshot(system), before);
});

Deno.test("a second setup is silent when nothing changed", async () => {
  const system = createHostRig({ files: baseFiles });
  await setup(system, yes());
  const after = snapshot(system);
  const ui = yes();
  const { outcomes } = await setup(system, ui);
  assert.deepEqual(new Set(outcomes.values()), new Set(["unchanged"]));
  assert.equal(ui.questions.length, 0);
  assert.deepEqual(snapshot(system), after);
});

Deno.test("undo after several editions goes back to what was there before the first", async () => {
  const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
  await system.chmod(confPath, 0o640);
  await system.chown(confPath, { uid: 0, gid: 42 });
  const before = snapshot(system);
  for (const edition of [1, 2, 3]) await setup(system, yes(), edition);
  await undo(system, yes());
  assert.deepEqual(snapshot(system), before);
});

Deno.test("a symlink is replaced by a file and comes back as the link it was", async () => {
  const system = createHostRig({
    files: { ...baseFiles, "/home/me/nm.conf": "dotfiles\n" },
    symlinks: { [confPath]: "/home/me/nm.conf" },
  });
  const before = snapshot(system);
  await setup(system, yes());
  assert.ok(system.files.has(confPath));
  assert.equal(await system.readText("/home/me/nm.conf"), "dotfiles\n");
  await undo(system, yes());
  assert.deepEqual(snapshot(system), before);
});

Deno.test("skipping a file skips what needs it, aloud", async () => {
  const system = createHostRig({ files: baseFiles });
  // kernel, key, conf, hook skipped, remove, unit skipped
  const ui = createScriptedUi(["yes", "yes", "yes", "skip", "yes", "skip", "yes"]);
  const { outcomes } = await setup(system, ui);
  assert.equal(outcomes.get(rebuildId), "unchanged");
  assert.equal(outcomes.get("enable"), "skipped");
  assert.equal(outcomes.get("restart"), "skipped");
  assert.ok(ui.said.some((line) => line.startsWith("Skipped as well: enable stiefel-autokexec.service")));
  assert.ok(!system.ran.some((argv) => argv[0] === "update-initramfs" || argv[1] === "restart"));
});

Deno.test("a run that was aborted before the rebuild does not forget it", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  const ui = createScriptedUi(["yes", "yes", "yes", "yes", "yes", "abort"]);
  await assert.rejects(setup(system, ui), StoppedByUser);
  assert.ok(ui.said.includes(`    write ${hookPath}`));
  const second = yes();
  const { outcomes } = await setup(system, second);
  assert.equal(outcomes.get(hookPath), "unchanged");
  assert.equal(outcomes.get(rebuildId), "done");
  await undo(system, yes());
  assert.deepEqual(snapshot(system), before);
});

Deno.test("a file that another program changes while the question is open is shown again", async () => {
  const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
  const ui = createScriptedUi(["yes", "yes", "meddle", "yes"], {
    onMeddle: () => system.writeFile(confPath, "meanwhile\n"),
  });
  await setup(system, ui);
  assert.ok(ui.said.some((line) => /was changed after it was shown/.test(line)));
  assert.ok(ui.said.some((line) => line.includes("-meanwhile")));
  await undo(system, yes());
  assert.equal(await system.readText(confPath), "meanwhile\n");
});

Deno.test("undo refuses a file that a user changed, shows it, and finishes once it is put right", async () => {
  const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
  const before = snapshot(system);
  await setup(system, yes());
  await system.writeFile(confPath, "edited\n");
  const ui = yes();
  assert.deepEqual(await undo(system, ui), [`${confPath} (refused)`]);
  assert.equal(await system.readText(confPath), "edited\n");
  assert.ok(ui.said.some((line) => line.includes("-edited")));
  const hint = ui.said.find((line) => line.includes("restore it from"));
  const backup = /from (\S+) yourself/.exec(hint ?? "")?.[1] ?? "";
  await system.remove(confPath);
  await system.copyExactly(backup, confPath);
  assert.deepEqual(await undo(system, yes()), []);
  assert.deepEqual(snapshot(system), before);
});

Deno.test("an initramfs that a kernel update rebuilt is built again by undo, not put back", async () => {
  const system = createHostRig({ files: baseFiles });
  await setup(system, yes());
  await system.run(["update-initramfs", "-u"]);
  await undo(system, yes());
  assert.equal(await system.readText(ownInitramfs), "build 3\n");
});

/** Builds what is of use to us alone, in two files of our own, under a name with ".new" first. */
const builder: Operation = {
  kind: "run-command",
  id: "separate",
  what: "build another initramfs",
  why: "For the test",
  needs: [hookPath],
  argv: ["/build-separate", "6.12"],
  changedBy: [hookPath],
  outputs: [{ directory: "/boot", startsWith: "stiefel.img", endsWith: "" }],
  undo: "nothing",
};

async function buildSeparate(system: System, argv: readonly string[]): Promise<void> {
  await system.writeFile("/boot/stiefel.img.new", `for ${argv.at(-1)}`);
  await system.rename("/boot/stiefel.img.new", "/boot/stiefel.img");
}

/** @param build instead of the real one */
function withBuilder(system: System, build: typeof buildSeparate = buildSeparate): System {
  return {
    ...system,
    run: async (argv, options) => {
      if (argv[2] !== "/build-separate") return await system.run(argv, options);
      await build(system, argv);
      return { exitCode: 0, stdout: "", stderr: "" };
    },
  };
}

async function setupWithBuilder(system: System, release: string): Promise<void> {
  const { operations, ...plan } = planOf(1);
  const last = { ...builder, argv: ["/build-separate", release] } as Operation;
  await applyPlan(await openHost(system, yes()), { ...plan, operations: [...operations, last] });
}

Deno.test("what is of use to us alone goes with undo, also when a kernel update and another setup have built it since", async () => {
  const memory = createHostRig({ files: { ...baseFiles, "/boot/stiefel.img.theirs": "theirs" } });
  const before = snapshot(memory);
  const system = withBuilder(memory);
  await setupWithBuilder(system, "6.12");
  await buildSeparate(system, ["6.13"]);
  await system.writeFile("/boot/stiefel.img.bak", "the user's own copy");
  await setupWithBuilder(system, "6.13");
  assert.equal(await system.readText("/boot/stiefel.img"), "for 6.13");
  assert.deepEqual(await undo(system, yes()), []);
  assert.equal(await system.readText("/boot/stiefel.img.bak"), "the user's own copy");
  await system.remove("/boot/stiefel.img.bak");
  assert.deepEqual(snapshot(memory), before);
});

Deno.test("what is of use to us alone is built again when it is gone, whatever has a similar name", async () => {
  const system = withBuilder(createHostRig({ files: { ...baseFiles, "/boot/stiefel.img.theirs": "theirs" } }));
  await setupWithBuilder(system, "6.12");
  await system.remove("/boot/stiefel.img");
  await setupWithBuilder(system, "6.12");
  assert.equal(await system.readText("/boot/stiefel.img"), "for 6.12");
});

Deno.test("undo removes what is of use to us alone, also when a user has changed what it was built from", async () => {
  const system = withBuilder(createHostRig({ files: baseFiles }));
  await setupWithBuilder(system, "6.12");
  await system.writeFile(hookPath, "changed");
  assert.deepEqual(await undo(system, yes()), [`${hookPath} (refused)`]);
  assert.equal(await system.lstat("/boot/stiefel.img"), undefined);
});

Deno.test("what a program has written before it failed or the power did goes with undo, with and without another setup", async () => {
  const halves: readonly (typeof buildSeparate)[] = [
    async (system) => {
      await system.writeFile("/boot/stiefel.img.new", "half");
      throw new CommandError({ argv: ["/build-separate"], signal: "SIGKILL" });
    },
    async (system, argv) => {
      await buildSeparate(system, argv);
      throw new CommandError({ argv: ["/build-separate"], exitCode: 1 });
    },
  ];
  for (const half of halves) {
    for (const isContinued of [false, true]) {
      const memory = createHostRig({ files: { ...baseFiles, "/boot/stiefel.img.theirs": "theirs" } });
      const before = snapshot(memory);
      await assert.rejects(setupWithBuilder(withBuilder(memory, half), "6.12"), CommandError);
      if (isContinued) await setupWithBuilder(withBuilder(memory), "6.12");
      assert.deepEqual(await undo(withBuilder(memory), yes()), []);
      assert.deepEqual(snapshot(memory), before);
    }
  }
  for (const isContinued of [false, true]) {
    for (let lives = 0;; lives++) {
      const memory = createHostRig({ files: { ...baseFiles, "/boot/stiefel.img.theirs": "theirs" } });
      const before = snapshot(memory);
      const cut = cutPowerAfter(withBuilder(memory), lives);
      if (!await dies(setupWithBuilder(cut.system, "6.12"), cut.isDead)) break;
      if (isContinued) await setupWithBuilder(withBuilder(memory), "6.12");
      assert.deepEqual(await undo(withBuilder(memory), yes()), []);
      assert.deepEqual(snapshot(memory), before, `after ${lives} changes`);
    }
  }
});

Deno.test("a command that was run with other arguments before is run again, and undone with the new ones", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  await setup(system, yes());
  const plan = planOf(1);
  const operations = plan.operations.map((operation) =>
    operation.id === rebuildId && operation.kind === "run-command"
      ? { ...operation, argv: ["update-initramfs", "-u", "-k", "6.13"] }
      : operation
  );
  const ui = yes();
  await applyPlan(await openHost(system, ui), { ...plan, operations });
  assert.equal(ui.questions.length, 1);
  await undo(system, yes());
  assert.deepEqual(system.ran.filter((argv) => argv[0] === "update-initramfs").map((argv) => argv.at(-1)), [
    "all",
    "6.13",
    "6.13",
  ]);
  assert.deepEqual(snapshot(system), before);
});

Deno.test("setup reports that it began a program that failed, also when nothing else was done", async () => {
  const system = createHostRig({ files: baseFiles });
  await setup(system, yes());
  await system.remove(ownInitramfs);
  const failing: System = {
    ...system,
    run: (argv, options) => {
      if (argv[0] === "update-initramfs") throw new CommandError({ argv, exitCode: 1 });
      return system.run(argv, options);
    },
  };
  const { operations, ...plan } = planOf(1);
  const ui = yes();
  const again = operations.map((operation) =>
    operation.id === rebuildId ? { ...operation, argv: ["update-initramfs", "-u"] } as Operation : operation
  );
  await assert.rejects(applyPlan(await openHost(failing, ui), { ...plan, operations: again }), CommandError);
  const from = ui.said.indexOf("Stopped. Begun, but not finished:");
  assert.deepEqual(ui.said.slice(from, from + 3), [
    "Stopped. Begun, but not finished:",
    "    rebuild the initramfs",
    "Not looked at, or not done:",
  ]);
});

Deno.test("a disk that is full: setup reports the error and what was done, and undo gives the host back", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  let isFull = false;
  const full = (what: string): Promise<never> => Promise.reject(new Error(`No space left on device: ${what}`));
  const filling: System = {
    ...system,
    // No directory for the second file any more; neither can the journal be written from then on.
    makeDirectory: (path, options) => {
      isFull ||= path === "/etc/stiefelsystem";
      return isFull ? full("mkdir") : system.makeDirectory(path, options);
    },
    writeFile: (path, content, options) => isFull ? full("write") : system.writeFile(path, content, options),
  };
  const ui = yes();
  await assert.rejects(setup(filling, ui), /No space left on device: mkdir/);
  assert.ok(ui.said.includes("Stopped. Done so far:") && ui.said.includes(`    write ${kernelPath}`));
  assert.deepEqual(await undo(system, yes()), []);
  assert.deepEqual(snapshot(system), before);

  // At the very first directory nothing is in the journal but that.
  isFull = false;
  const early: System = {
    ...filling,
    makeDirectory: (path, options) => {
      isFull ||= path === "/var/local";
      return filling.makeDirectory(path, options);
    },
  };
  const first = yes();
  await assert.rejects(setup(early, first), /No space left on device: mkdir/);
  assert.ok(first.said.includes("Stopped; nothing was changed."));
  assert.deepEqual(await undo(system, yes()), []);
  assert.deepEqual(snapshot(system), before);
});

Deno.test("a file that another program changed does not become ours when replacing it fails", async () => {
  const system = createHostRig({ files: baseFiles });
  await setup(system, yes());
  const theirs = (await system.readText(kernelPath)) + "changed by hand";
  await system.writeFile(kernelPath, theirs);
  const full: System = { ...system, writeStream: () => Promise.reject(new Error("No space left on device")) };
  await assert.rejects(setup(full, yes(), 2), /No space left/);
  assert.deepEqual(await undo(system, yes()), [`${kernelPath} (refused)`]);
  assert.equal(await system.readText(kernelPath), theirs);
});

Deno.test("secrets are never shown, in neither direction", async () => {
  const system = createHostRig({ files: { ...baseFiles, [keyPath]: "their key" } });
  const ui = yes();
  await setup(system, ui);
  await undo(system, ui);
  const shown = [...ui.said, ...ui.questions.map((question) => question.details ?? "")].join("\n");
  assert.doesNotMatch(shown, /key 1|their key/);
  assert.match(shown, /secret, 5 bytes, changed/);
});

Deno.test("a file that came to hold a secret is not shown when it is replaced or taken back", async () => {
  const system = createHostRig({ files: baseFiles });
  const ui = yes();
  const write = async (text: string, isSecret: boolean): Promise<void> => {
    const { operations, ...plan } = planOf(1);
    const conf = { ...operations.find(({ id }) => id === confPath), content: { kind: "text", text }, isSecret };
    await applyPlan(await openHost(system, ui), { ...plan, operations: [conf as Operation] });
  };
  await write("open\n", false);
  await write("password: hunter2\n", true);
  await undo(system, ui);
  await write("password: hunter2\n", true);
  await write("open again\n", false);
  await undo(system, ui);
  const shown = [...ui.said, ...ui.questions.map((question) => question.details ?? "")].join("\n");
  assert.doesNotMatch(shown, /hunter2/);
});

Deno.test("a dry run shows all of it and writes nothing", async () => {
  const system = createHostRig({ files: baseFiles });
  const before = snapshot(system);
  const ui = createScriptedUi([]);
  await previewPlan(await openHost(createReadOnlySystem(system), ui), planOf(1));
  assert.deepEqual(snapshot(system), before);
  assert.equal(ui.questions.length, 0);
  for (const operation of planOf(1).operations) {
    const what = operation.what.slice(1);
    assert.ok(ui.said.some((line) => line.includes(what)), operation.what);
  }
  await setup(system, yes());
  const after = snapshot(system);
  await previewUndo(await openHost(createReadOnlySystem(system), createScriptedUi([])));
  assert.deepEqual(snapshot(system), after);
});

Deno.test("what is in the way, of the last file, too, is an error that changes nothing", async () => {
  const parent = unitPath.slice(0, unitPath.lastIndexOf("/"));
  const cases: readonly (readonly [
    files: Readonly<Record<string, string>>,
    links: Readonly<Record<string, string>>,
    message: RegExp,
  ])[] = [
    [{ [`${kernelPath}/x`]: "" }, {}, /there is a directory or device at/],
    [{ [`${unitPath}/x`]: "" }, {}, /there is a directory or device at/],
    [{ [parent]: "a file" }, {}, /is no folder, nor a link to one/],
    [{}, { [parent]: "/nowhere/at/all" }, /is no folder, nor a link to one/],
  ];
  for (const [files, symlinks, message] of cases) {
    const kept = Object.fromEntries(Object.entries(baseFiles).filter(([path]) => !path.startsWith(`${parent}/`)));
    const system = createHostRig({ files: { ...kept, ...files }, symlinks });
    const before = snapshot(system);
    await assert.rejects(setup(system, yes()), message);
    assert.deepEqual(snapshot(system), before, String(message));
  }
});

// ---- for any host and any answers
// ------------------------------------------------------------------------------------

const answers = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<ScriptedAnswer>("yes") },
    { weight: 2, arbitrary: fc.constant<ScriptedAnswer>("skip") },
    { weight: 1, arbitrary: fc.constantFrom<ScriptedAnswer>("abort", "ctrl-c") },
  ),
  { minLength: 1, maxLength: 12 },
);

const maybe = fc.option(fc.constantFrom("", "mine\n", "[keyfile]\nedition=1\n", "#!/bin/sh\n# edition 2\n"), {
  nil: undefined,
});

const hosts = fc.record({
  [confPath]: maybe,
  [hookPath]: maybe,
  [keyPath]: maybe,
  [unitPath]: maybe,
  [kernelPath]: maybe,
  "/etc/old": maybe,
  [ownInitramfs]: maybe,
  [`${wantsDirectory}/cron.service`]: maybe,
  [`${wantsDirectory}/stiefel-autokexec.service`]: fc.option(fc.constant("link\n"), { nil: undefined, freq: 1 }),
  "/var/lib/dpkg/status": maybe,
}).chain((files) =>
  fc.record({ mode: fc.constantFrom(0o644, 0o600, 0o755, 0o4755), gid: fc.constantFrom(0, 7) }).map((owner) => ({
    files,
    owner,
  }))
);

async function makeHost(
  { files, owner }: { files: Record<string, string | undefined>; owner: { mode: number; gid: number } },
): Promise<MemorySystem> {
  const present = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const system = createHostRig({ files: { ...Object.fromEntries(present), "/build/kernel": "kernel bytes" } });
  for (const [path] of present) {
    await system.chmod(path, owner.mode);
    await system.chown(path, { uid: 0, gid: owner.gid });
  }
  return system;
}

Deno.test("whatever the host and the answers, setups and an undo give the host back exactly", async () => {
  await fc.assert(
    fc.asyncProperty(
      hosts,
      fc.array(answers, { minLength: 1, maxLength: 3 }),
      answers,
      async (host, setups, undoAnswers) => {
        const system = await makeHost(host);
        const before = snapshot(system);
        for (const [index, given] of setups.entries()) {
          await ignoreStop(setup(system, createScriptedUi(given), index + 1));
          const journal = await system.readText(journalPath).catch(() => undefined);
          if (journal !== undefined) parseJournal(journal);
        }
        // An undo that is cut off in the middle, then one that goes through.
        await ignoreStop(undo(system, createScriptedUi(undoAnswers)));
        assert.deepEqual(await undo(system, yes()), []);
        assert.deepEqual(snapshot(system), before);
      },
    ),
    { numRuns: 300, seed: 20 },
  );
});

Deno.test("aborted or interrupted at every single question, undo gives the host back", async () => {
  for (const ending of ["abort", "ctrl-c"] as const) {
    for (let count = 0; count < 9; count++) {
      const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
      const before = snapshot(system);
      const ui = createScriptedUi([...Array<ScriptedAnswer>(count).fill("yes"), ending]);
      await assert.rejects(setup(system, ui), StoppedByUser);
      if (count === 0) assert.deepEqual(snapshot(system), before);
      for (let asked = 0; asked < count; asked++) {
        await ignoreStop(undo(system, createScriptedUi([...Array<ScriptedAnswer>(asked).fill("yes"), ending])));
      }
      await undo(system, yes());
      assert.deepEqual(snapshot(system), before, `${ending} at question ${count + 1}`);
    }
  }
});

async function dies(work: Promise<unknown>, isDead: () => boolean): Promise<boolean> {
  try {
    await work;
  } catch (error) {
    if (!isDead()) throw error;
  }
  return isDead();
}

Deno.test("the power fails at any moment of a setup: undo gives the host back, and so does a second setup with undo", async () => {
  for (const isContinued of [false, true]) {
    let reached = 0;
    for (let lives = 0;; lives++) {
      const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
      const before = snapshot(system);
      const cut = cutPowerAfter(system, lives);
      if (!await dies(setup(cut.system, yes()), cut.isDead)) break;
      reached++;
      if (isContinued) {
        await setup(system, yes(), 2);
        assert.match(await system.readText(ownInitramfs), /edition 2/);
      }
      assert.deepEqual(await undo(system, yes()), [], `after ${lives} changes`);
      assert.deepEqual(snapshot(system), before, `after ${lives} changes`);
    }
    assert.ok(reached > 50, `only ${reached} moments`);
  }
});

Deno.test("the power fails at any moment of an undo: the next one finishes it", async () => {
  for (let lives = 0;; lives++) {
    const system = createHostRig({ files: { ...baseFiles, [confPath]: "mine\n" } });
    const before = snapshot(system);
    await setup(system, yes());
    const cut = cutPowerAfter(system, lives);
    const died = await dies(undo(cut.system, yes()), cut.isDead);
    assert.deepEqual(await undo(system, yes()), [], `after ${lives} changes`);
    assert.deepEqual(snapshot(system), before, `after ${lives} changes`);
    if (!died) break;
  }
});

Deno.test("another program that writes the journal meanwhile is noticed", async () => {
  const system = createHostRig({ files: baseFiles });
  await setup(system, yes());
  const host = await openHost(
    system,
    createScriptedUi(["meddle"], {
      onMeddle: () =>
        system.writeFile(
          journalPath,
          `${JSON.stringify({ version: 1, nextBackup: 1, stateDirectories: [], entries: [] })}\n`,
        ),
    }),
  );
  await assert.rejects(undoSetup(host), /was changed by another program/);
});

Deno.test("a journal that cannot be read stops everything before it begins", async () => {
  const system = createHostRig({ files: { ...baseFiles, [`${stateDirectory}/journal.json`]: "{" } });
  await assert.rejects(setup(system, yes()), /Cannot use the journal/);
});
