/** P2, P6 and P7 with the launcher and the grants that users have. */

import assert from "node:assert/strict";
import { applyPlan } from "../../lib/host/apply.ts";
import { openHost } from "../../lib/host/host.ts";
import type { Plan } from "../../lib/host/plan.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createScriptedUi, writeOperation as write } from "../support/host_rig.ts";
import { projectRoot } from "../support/source_tree.ts";
import { hasTmux, openTerminal } from "../support/terminal.ts";
import { snapshotTree } from "../support/tree_snapshot.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });

const plan: Plan = {
  title: "Test",
  notices: [],
  operations: [
    write("/etc/short.conf", "ours\n"),
    write("/etc/long.conf", Array.from({ length: 80 }, (_, index) => `line ${index}\n`).join("")),
  ],
};

Deno.test({
  name: "P2 P6 P7: undo-setup as users start it: odd keys, a long change in a pager, Ctrl-C, a plan in a file",
  ignore: !hasTmux,
  fn: async () => {
    const root = await Deno.makeTempDir({ prefix: "stiefel terminal ü " });
    try {
      await Deno.mkdir(`${root}/etc`);
      const before = await snapshotTree(root);
      await applyPlan(await openHost(system, createScriptedUi(["yes"]), { root }), plan);
      const argv = [`${projectRoot}stiefelsystem`, "undo-setup", "--root", root];
      const dryRun = await system.run([...argv, "--dry-run"]);
      assert.equal(dryRun.stdout, "[1/2] Remove /etc/long.conf\n[2/2] Remove /etc/short.conf\n");
      assert.ok(dryRun.stderr.includes(`undo-setup --root '${root}'`), dryRun.stderr);
      {
        await using terminal = await openTerminal(argv, { rows: 24, env: { TERM: "xterm-256color" } });
        await terminal.waitFor(/^\[1\/2\] Remove \/etc\/long\.conf\? \[y\]es.*\[d\]iff$/m);
        await terminal.press("Up", "Escape", "F5", "M-P", "d");
        // "d" came at once with what is no answer: it is taken for a paste, or for the end of Alt-P.
        await terminal.press("Down");
        await system.delay(400);
        await terminal.press("d");
        await terminal.waitFor(/-line 0\n[\s\S]*:$/);
        await terminal.press("q");
        await terminal.waitFor(/\[d\]iff$/);
        await terminal.press("C-c");
        await terminal.waitFor(
          /Stopped; nothing was taken back\.\nTo go on: [^\n]*(?:\n(?!Stopped\n)[^\n]*)?\nEXIT 3\nSANE$/,
        );
      }
      {
        await using terminal = await openTerminal(argv, { columns: 40, rows: 24, env: { TERM: "linux" } });
        await terminal.waitFor(/\[d\]iff$/);
        await terminal.press("l");
        const text = await terminal.waitFor(/EXIT 0\nSANE$/);
        assert.match(text.replaceAll("\n", ""), /nothing of stiefelsystem is left/);
      }
      assert.deepEqual(await snapshotTree(root), before);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
