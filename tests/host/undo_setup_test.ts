/** setup-server and undo-setup in the tree of a real Debian, with its own mkinitramfs and systemctl. */

import assert from "node:assert/strict";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { undoSetup } from "../../lib/cli/commands/undo_setup.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { createScriptedUi } from "../support/host_rig.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem();
// The kernel with the fewest drivers: an initramfs for it is built within seconds.
const packages = [
  ...["systemd", "initramfs-tools", "zstd", "linux-image-cloud-amd64"],
  ...["nbd-client", "iproute2", "kexec-tools", "network-manager"],
];

/** What create-initrd would have made; nobody boots it. */
async function makeArtifacts(directory: string): Promise<string> {
  await Deno.writeFile(`${directory}/aes-key`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  for (const name of ["kernel", "initrd", "autokexec-agent"]) await Deno.writeTextFile(`${directory}/${name}`, name);
  return directory;
}

/** initramfs-tools runs what the files ORDER name, and leaves out without a word what it does not find where it looks. */
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

/** Kind, mode, owner, target and content of all there is, of files also when they were changed; by real programs, which are quick. */
async function listTree(root: string): Promise<string> {
  const list = 'find . -type d -printf "%p %y %m %U:%G\\n" -o -printf "%p %y %m %U:%G %T@ %l\\n" | sort';
  const hash = "find . -type f -exec sha256sum {} + | sort -k 2";
  const command = new Deno.Command("sh", { args: ["-euc", `cd "$0"; ${list}; ${hash}`, root] });
  return new TextDecoder().decode((await command.output()).stdout);
}

function difference(before: string, after: string): readonly string[] {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `-${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+${line}`),
  ];
}

Deno.test({
  name: "undo-setup leaves a real Debian as it was, at whichever question setup-server was stopped",
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
      const before = await listTree(root);
      assert.ok(before.split("\n").length > 10_000);
      for (let yeses = 0, isWhole = false; !isWhole; yeses++) {
        const outcome = await setUp(yeses);
        isWhole = outcome.isWhole;
        assert.equal(outcome.questions, isWhole ? yeses : yeses + 1);
        if (isWhole) await checkOrder(root);
        await undoSetup(system, createScriptedUi(["yes"]), { root });
        const after = await listTree(root);
        // Of so many lines only those that differ are to be shown.
        if (after !== before) assert.deepEqual(difference(before, after), [], `after ${yeses} times yes`);
      }
    } finally {
      await Deno.remove(build, { recursive: true });
    }
  },
});
