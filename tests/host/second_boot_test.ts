/**
 * Writing the place for a second boot with the real dd, cmp and blockdev, and the client agent's own grants, to loop
 * devices of this machine's kernel.
 */

import assert from "node:assert/strict";
import { agentGrants, formatGrants } from "../../lib/grants.ts";
import { placeBytes } from "../../lib/second_boot/place.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createSeededRandom } from "../support/seeded_random.ts";
import { projectRoot } from "../support/source_tree.ts";
import { makeLoopMedium } from "../support/loop_medium.ts";

const system = createRealSystem();
const env = { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` };
const random = createSeededRandom(3);
const contents = { "EFI/x/kernel": random.bytes(3_000_001), "EFI/x/initramfs": random.bytes(8192) } as const;

/** Loop devices take root, and a kernel that has them. */
const canLoop = Deno.uid() === 0 &&
  await system.run(["losetup", "--find"], { timeoutMs: 10_000 }).then(() => true, () => false);

type Deed = "fill" | "arm" | "empty";

interface Rig extends AsyncDisposable {
  /** What is on the medium. */
  readonly backing: string;
  work(...deeds: readonly Deed[]): Promise<{ readonly exitCode: number; readonly said: string }>;
}

/** @param roomBytes what the medium really keeps */
async function prepare(
  { sectorBytes = 512, roomBytes }: { readonly sectorBytes?: 512 | 4096; readonly roomBytes?: number } = {},
): Promise<Rig> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-second-boot-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const { backing, loop } = await makeLoopMedium(system, stack, {
    directory,
    sizeBytes: placeBytes,
    sectorBytes,
    roomBytes,
  });
  const files = [];
  for (const [path, bytes] of Object.entries(contents)) {
    const from = `${directory}/${path.replaceAll("/", "-")}`;
    await Deno.writeFile(from, bytes);
    files.push({ path, from, sizeBytes: bytes.length });
  }
  const argv = [
    ...[Deno.execPath(), "run", "--quiet", `--config=${projectRoot}deno.json`],
    ...formatGrants(agentGrants.client),
    ...[`${projectRoot}tests/support/second_boot_device.ts`, loop, String(sectorBytes), JSON.stringify(files)],
  ];
  const owned = stack.move();
  return {
    backing,
    work: async (...deeds) => {
      const { exitCode, stdout, stderr } = await system.run([...argv, ...deeds], { acceptExitCodes: [0, 1], env });
      return { exitCode, said: stdout + stderr };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function isEmpty(path: string): Promise<boolean> {
  for await (const piece of await system.openRead(path)) if (piece.some((byte) => byte !== 0)) return false;
  return true;
}

/** The names of the files that a reader of FAT finds; undefined where there is no file system. */
async function listFiles(path: string): Promise<string | undefined> {
  const argv = ["mdir", "-b", "-/", "-i", path, "::"];
  const { exitCode, stdout } = await system.run(argv, { acceptExitCodes: [0, 1], env: { MTOOLS_SKIP_CHECK: "1" } });
  return exitCode === 0 ? stdout.trim().split("\n").filter((line) => !line.endsWith("/")).sort().join(" ") : undefined;
}

for (const sectorBytes of [512, 4096] as const) {
  Deno.test({
    name:
      `the place of a stick with sectors of ${sectorBytes} bytes is filled, switched on, and emptied to the last byte`,
    ignore: !canLoop,
    fn: async () => {
      await using rig = await prepare({ sectorBytes });
      assert.deepEqual(await rig.work("fill"), { exitCode: 0, said: "" });
      assert.equal(await listFiles(rig.backing), undefined, "without the switch it is no file system");
      assert.equal(await isEmpty(rig.backing), false);
      assert.deepEqual(await rig.work("arm"), { exitCode: 0, said: "" });
      assert.equal(
        await listFiles(rig.backing),
        "::/EFI/x/initramfs ::/EFI/x/kernel ::/loader/entries/0-once+1.conf",
      );
      for (const [path, bytes] of Object.entries(contents)) {
        const copy = `${rig.backing}-copy`;
        await system.run(["mcopy", "-n", "-i", rig.backing, `::${path}`, copy], { env: { MTOOLS_SKIP_CHECK: "1" } });
        assert.deepEqual(await Deno.readFile(copy), Uint8Array.from(bytes), path);
      }
      assert.equal((await rig.work("empty")).said, "emptied\n");
      assert.equal(await isEmpty(rig.backing), true);
      assert.equal((await rig.work("empty")).said, "was empty\n");
      assert.deepEqual(await rig.work("fill", "arm", "fill"), { exitCode: 0, said: "" });
      assert.equal(await listFiles(rig.backing), undefined, "what was there before is never started with what is new");
      assert.equal((await rig.work("empty")).said, "emptied\n");
      assert.equal(await isEmpty(rig.backing), true);
    },
  });
}

Deno.test({
  name: "a stick that keeps less than it says is not switched on",
  ignore: !canLoop,
  fn: async () => {
    await using rig = await prepare({ roomBytes: 3 * 1024 * 1024 });
    const { exitCode, said } = await rig.work("fill", "arm");
    assert.equal(exitCode, 1);
    assert.match(said, /fsync failed .*Input\/output error|does not give back/);
    assert.equal(await listFiles(rig.backing), undefined);
  },
});
