import assert from "node:assert/strict";
import { createScriptedUi, type ScriptedAnswer } from "../../tests/support/host_rig.ts";
import { snapshotTree } from "../../tests/support/tree_snapshot.ts";
import { StoppedByUser } from "../errors.ts";
import { createRealSystem } from "../system/real.ts";
import { applyPlan } from "./apply.ts";
import { openHost } from "./host.ts";
import type { Plan } from "./plan.ts";
import { undoSetup } from "./undo.ts";

// A tree with a shell in it, so that chroot and systemctl --root are the real ones.
const hookPath = "/etc/initramfs-tools/hooks/stiefelsystem";
const unitPath = "/etc/systemd/system/stiefel-test.service";
const system = createRealSystem();

const isRoot = Deno.uid() === 0;
const hasPrograms = await Promise.all(["/usr/bin/busybox", "/usr/bin/systemctl"].map((path) => system.stat(path)))
  .then((found) => found.every((status) => status !== undefined));
const ignore = !isRoot || !hasPrograms; // chroot takes root

const plan: Plan = {
  title: "Test",
  notices: [],
  operations: [
    {
      kind: "write-file",
      id: "secret",
      what: "write a secret",
      why: "For the test",
      needs: [],
      path: "/etc/stiefelsystem/deep/aes-key",
      content: { kind: "text", text: "secret" },
      mode: 0o600,
      isSecret: true,
    },
    {
      kind: "write-file",
      id: "link",
      what: "replace a link",
      why: "For the test",
      needs: [],
      path: "/etc/linked.conf",
      content: { kind: "text", text: "ours\n" },
      mode: 0o644,
      isSecret: false,
    },
    {
      kind: "write-file",
      id: "hook",
      what: "write the hook",
      why: "For the test",
      needs: [],
      path: hookPath,
      content: { kind: "text", text: "#!/bin/sh\n" },
      mode: 0o755,
      isSecret: false,
    },
    {
      kind: "run-command",
      id: "initramfs",
      what: "rebuild",
      why: "For the test",
      needs: ["hook"],
      argv: ["/bin/update-initramfs"],
      changedBy: ["hook"],
      outputs: [{ directory: "/boot", startsWith: "initrd.img-", endsWith: "" }],
      undo: "repeat",
    },
    {
      kind: "run-command",
      id: "separate",
      what: "build another",
      why: "For the test",
      needs: ["hook"],
      argv: ["/bin/build-separate"],
      changedBy: ["hook"],
      outputs: [{ directory: "/boot", startsWith: "initramfs-stiefel.img", endsWith: "" }],
      undo: "nothing",
    },
    {
      kind: "write-file",
      id: "unit",
      what: "write the unit",
      why: "For the test",
      needs: [],
      path: unitPath,
      content: { kind: "text", text: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n" },
      mode: 0o644,
      isSecret: false,
    },
    {
      kind: "enable-unit",
      id: "enable",
      what: "enable the unit",
      why: "For the test",
      needs: ["unit"],
      unit: "stiefel-test.service",
      wantedBy: "multi-user.target",
    },
  ],
};

async function copyProgram(root: string, program: string): Promise<void> {
  const { stdout } = await system.run(["ldd", program], { acceptExitCodes: [0, 1] });
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  for (const path of [program, ...libraries]) {
    const target = `${root}${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(path, target);
  }
}

async function makeTree(): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "stiefel-tree-" });
  await copyProgram(root, "/usr/bin/busybox");
  for (const directory of ["bin", "boot", "etc/systemd/system", "var/lib", "outside"]) {
    await Deno.mkdir(`${root}/${directory}`, { recursive: true });
  }
  await Deno.copyFile("/usr/bin/busybox", `${root}/bin/sh`);
  await Deno.writeTextFile(
    `${root}/bin/update-initramfs`,
    `#!/bin/sh\n[ ! -e /etc/slow ] || exec /usr/bin/busybox sleep 30\n{ /usr/bin/busybox cat /etc/initramfs-tools/hooks/* ; echo $$; /usr/bin/busybox date +%N; } > /boot/initrd.img-6.12 2>&1\n`,
    { mode: 0o755 },
  );
  await Deno.writeTextFile(`${root}/bin/build-separate`, "#!/bin/sh\necho $$ >/boot/initramfs-stiefel.img\n", {
    mode: 0o755,
  });
  await Deno.writeTextFile(`${root}/boot/initrd.img-6.12`, "the laptop's own");
  await Deno.chmod(`${root}/boot/initrd.img-6.12`, 0o640);
  await Deno.chown(`${root}/boot/initrd.img-6.12`, 0, 7);
  await Deno.writeTextFile(`${root}/etc/dotfile`, "theirs\n");
  // Absolute links, which must stay inside the tree.
  await system.run(["ln", "-s", "/etc/dotfile", `${root}/etc/linked.conf`]);
  await system.run(["ln", "-s", "/outside", `${root}/etc/stiefelsystem`]);
  return root;
}

const run = async (root: string, answers: readonly ScriptedAnswer[]): Promise<void> => {
  await applyPlan(await openHost(system, createScriptedUi(answers), { root }), plan);
};
const undo = async (root: string, answers: readonly ScriptedAnswer[] = ["yes"]): Promise<readonly string[]> => {
  return (await undoSetup(await openHost(system, createScriptedUi(answers), { root }))).left;
};

Deno.test({
  name: "a real tree is as before after setup and undo, whatever the question it was aborted at",
  ignore,
  fn: async () => {
    const root = await makeTree();
    try {
      const before = await snapshotTree(root);
      for (let count = 0; count <= plan.operations.length; count++) {
        const answers = [...Array<ScriptedAnswer>(count).fill("yes"), "abort" as const];
        if (count < plan.operations.length) await assert.rejects(run(root, answers), StoppedByUser);
        else await run(root, ["yes"]);
        for (let asked = 0; asked < count; asked++) {
          await undo(root, [...Array<ScriptedAnswer>(asked).fill("yes"), "ctrl-c"]).catch((error) => {
            if (!(error instanceof StoppedByUser)) throw error;
          });
        }
        assert.deepEqual(await undo(root), []);
        assert.deepEqual(await snapshotTree(root), before, `aborted at question ${count + 1}`);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: "Ctrl-C while a program runs ends it, and the next undo gives the tree back",
  ignore,
  fn: async () => {
    const root = await makeTree();
    try {
      const before = await snapshotTree(root);
      await Deno.writeTextFile(`${root}/etc/slow`, "");
      const stop = new AbortController();
      const stopping = createRealSystem({ signal: stop.signal });
      const ui = createScriptedUi(["yes"]);
      const progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
      const stoppingUi = {
        ...ui,
        progress: () => {
          setTimeout(() => stop.abort(new StoppedByUser()), 300);
          return progress;
        },
      };
      await assert.rejects(applyPlan(await openHost(stopping, stoppingUi, { root }), plan), StoppedByUser);
      assert.ok(ui.said.includes("Stopped. Done so far:"));
      await Deno.remove(`${root}/etc/slow`);
      assert.deepEqual(await undo(root), []);
      assert.deepEqual(await snapshotTree(root), before);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: "in a real tree links do not lead out of it, and modes and owners are those of the plan",
  ignore,
  fn: async () => {
    const root = await makeTree();
    try {
      await run(root, ["yes"]);
      const key = await Deno.lstat(`${root}/outside/deep/aes-key`);
      assert.equal((key.mode ?? 0) & 0o7777, 0o600);
      assert.equal(await Deno.readTextFile(`${root}/etc/dotfile`), "theirs\n");
      assert.equal(await Deno.readTextFile(`${root}/etc/linked.conf`), "ours\n");
      assert.match(await Deno.readTextFile(`${root}/boot/initrd.img-6.12`), /^#!\/bin\/sh/);
      const link = `${root}/etc/systemd/system/multi-user.target.wants/stiefel-test.service`;
      assert.equal(await Deno.readLink(link), unitPath);
      const journal = await Deno.lstat(`${root}/var/lib/stiefelsystem/journal.json`);
      assert.equal((journal.mode ?? 0) & 0o7777, 0o600);
      assert.doesNotMatch(await Deno.readTextFile(`${root}/var/lib/stiefelsystem/journal.json`), /"secret"/);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
