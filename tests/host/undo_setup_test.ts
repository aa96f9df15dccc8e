/** setup-server and undo-setup in the tree of a real Debian, with its own mkinitramfs and systemctl. */

import assert from "node:assert/strict";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { undoSetup } from "../../lib/cli/commands/undo_setup.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { createScriptedUi } from "../support/host_rig.ts";
import { projectRoot } from "../support/source_tree.ts";
import { differingLines, snapshotTree } from "../support/tree_snapshot.ts";

const system = createRealSystem();
// The kernel with the fewest drivers: an initramfs for it is built within seconds.
const packages = [
  ...["systemd", "initramfs-tools", "zstd", "linux-image-cloud-amd64"],
  ...["nbd-client", "iproute2", "kexec-tools", "network-manager"],
];

/** What create-initrd would have made; no test boots it. */
async function makeArtifacts(directory: string): Promise<string> {
  await Deno.writeFile(`${directory}/aes-key`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  for (const name of ["kernel", "initrd", "autokexec-agent"]) await Deno.writeTextFile(`${directory}/${name}`, name);
  return directory;
}

/**
 * initramfs-tools runs what the files ORDER name, and leaves out without a word what it does not find where it looks.
 */
async function checkOrder(root: string): Promise<void> {
  await system.run(["chroot", root, "unmkinitramfs", "/boot/initramfs-stiefel.img", "/unpacked"]);
  try {
    const isSplit = await system.stat(`${root}/unpacked/main`) !== undefined;
    for (const stage of ["init-premount", "local-premount", "init-bottom"]) {
      const order = await Deno.readTextFile(`${root}/unpacked${isSplit ? "/main" : ""}/scripts/${stage}/ORDER`);
      assert.match(order, new RegExp(`^/scripts/${stage}/stiefelsystem "\\$@"$`, "m"), stage);
    }
  } finally {
    await Deno.remove(`${root}/unpacked`, { recursive: true });
  }
}

Deno.test({
  name: "undo-setup leaves a real Debian as it was, after all questions of setup-server, and stopped at some",
  ignore: Deno.uid() !== 0, // chroot(2) takes root
  fn: async () => {
    await using tree = await installDebian(packages);
    const root = tree.directory;
    const build = await makeArtifacts(await Deno.makeTempDir({ prefix: "stiefel-build-" }));
    const agentPath = "/usr/lib/stiefelsystem/autokexec-agent";
    const options = {
      root,
      configPath: `${build}/config.yaml`,
      keyPath: `${build}/aes-key`,
      buildDirectory: build,
      hostFilesDirectory: `${projectRoot}image/host`,
      autokexec: {
        files: [{ source: `${build}/autokexec-agent`, path: agentPath, mode: 0o755 }],
        command: [agentPath],
      },
    };
    /** @returns how many questions there were, and whether all were answered with yes */
    const setUp = async (yeses: number): Promise<{ readonly questions: number; readonly isWhole: boolean }> => {
      const ui = createScriptedUi([...new Array<"yes">(yeses).fill("yes"), "abort"]);
      try {
        await setupServer(system, ui, options);
        return { questions: ui.questions.length, isWhole: true };
      } catch (error) {
        if (!(error instanceof StoppedByUser)) throw error;
        return { questions: ui.questions.length, isWhole: false };
      }
    };
    try {
      const before = await snapshotTree(root);
      assert.ok(before.length > 10_000);
      const undo = async (what: string): Promise<void> => {
        await undoSetup(system, createScriptedUi(["yes"]), { root });
        assert.deepEqual(differingLines(before, await snapshotTree(root)), [], what);
      };
      const { questions: all, isWhole } = await setUp(200);
      assert.ok(isWhole && all > 20);
      await checkOrder(root);
      await undo("after all of it");
      // Most of the first questions are for files, one like the other; lib/host/apply_undo_test.ts stops at each.
      for (let yeses = 0; yeses < all; yeses += yeses < all - 4 ? 5 : 1) {
        const outcome = await setUp(yeses);
        assert.deepEqual(outcome, { questions: yeses + 1, isWhole: false });
        await undo(`after ${yeses} times yes`);
      }
    } finally {
      await Deno.remove(build, { recursive: true });
    }
  },
});
