/**
 * Writing a stick with the real dd, flock, wipefs and sync, and the command's own grants, to loop devices of this
 * machine's kernel.
 */

import assert from "node:assert/strict";
import { commandGrants, formatCommandGrants } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";
import { makeLoopMedium } from "../support/loop_medium.ts";

const system = createRealSystem();
const mebibyte = 1024 * 1024;
const smallBytes = 32 * mebibyte;
const extents = [
  { offset: 0, sizeBytes: 20 * mebibyte },
  { offset: 24 * mebibyte + 4096, sizeBytes: 3 * mebibyte + 8192 },
  { offset: smallBytes - mebibyte, sizeBytes: mebibyte },
];
const old = 0x5a;
const env = { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` };

/** Loop devices take root, and a kernel that has them. */
const canLoop = Deno.uid() === 0 &&
  await system.run(["losetup", "--find"], { timeoutMs: 10_000 }).then(() => true, () => false);

interface Rig extends AsyncDisposable {
  readonly directory: string;
  readonly loop: string;
  /** The same device by a name that nothing knows. */
  readonly device: string;
  /** What is on the medium, past the loop device. */
  readMedium(): Promise<Uint8Array>;
  readonly image: Uint8Array;
  write(): Promise<{ readonly exitCode: number; readonly said: string }>;
  /** The program and its arguments. */
  readonly argv: readonly string[];
}

async function prepare(
  { sectorBytes = 512, deviceBytes = smallBytes, parts = extents, roomBytes }: {
    readonly sectorBytes?: 512 | 4096;
    readonly deviceBytes?: number;
    readonly parts?: typeof extents;
    readonly roomBytes?: number;
  } = {},
): Promise<Rig> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-write-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const content = roomBytes === undefined ? new Uint8Array(deviceBytes).fill(old) : undefined;
  const { backing, loop } = await makeLoopMedium(system, stack, {
    ...{ directory, sizeBytes: deviceBytes, sectorBytes },
    content,
    roomBytes,
  });
  const device = `${directory}/sdz`;
  await system.run(["cp", "--archive", loop, device]);
  const image = new Uint8Array(deviceBytes);
  const block = Uint8Array.from({ length: mebibyte }, (_, at) => at % 251 + 1);
  // No two blocks are the same.
  for (let at = 0; at < deviceBytes; at += mebibyte) {
    image.set(block, at);
    image[at] = at / mebibyte % 255 + 1;
  }
  await Deno.writeFile(`${directory}/image`, image);
  const argv = [
    ...[Deno.execPath(), "run", "--quiet", `--config=${projectRoot}deno.json`],
    ...formatCommandGrants(commandGrants["setup-client-usbdrive"]),
    `${projectRoot}tests/support/write_to_device.ts`,
    ...[device, String(deviceBytes), String(sectorBytes), `${directory}/image`, JSON.stringify(parts)],
  ];
  const owned = stack.move();
  return {
    argv,
    directory,
    loop,
    device,
    image,
    readMedium: () => Deno.readFile(backing),
    write: async () => {
      const { exitCode, stderr } = await system.run(argv, { acceptExitCodes: [0, 1], env });
      return { exitCode, said: stderr };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

for (const sectorBytes of [512, 4096] as const) {
  Deno.test({
    name: `a device with sectors of ${sectorBytes} bytes is written, and what is outside of the image stays`,
    ignore: !canLoop,
    fn: async () => {
      await using rig = await prepare({ sectorBytes });
      const { exitCode, said } = await rig.write();
      assert.equal(exitCode, 0, said);
      const medium = await rig.readMedium();
      for (let at = 0; at < medium.length; at++) {
        const isInside = extents.some(({ offset, sizeBytes }) => at >= offset && at < offset + sizeBytes);
        if (medium[at] !== (isInside ? rig.image[at] : old)) assert.fail(`byte ${at}: ${medium[at]}`);
      }
    },
  });
}

Deno.test({
  name: "no other program opens a device that is mounted under any name: EBUSY, and not a byte changes",
  ignore: !canLoop,
  fn: async () => {
    await using rig = await prepare();
    await system.run(["mkfs.ext4", "-q", "-F", rig.loop]);
    const mountPoint = `${rig.directory}/mounted`;
    await Deno.mkdir(mountPoint);
    await system.run(["mount", "-o", "ro", rig.loop, mountPoint]);
    await using _mounted = { [Symbol.asyncDispose]: async () => void await system.run(["umount", mountPoint]) };
    await system.run(["sync", rig.loop]);
    const before = await rig.readMedium();
    const { exitCode, said } = await rig.write();
    assert.equal(exitCode, 1);
    assert.match(said, /Opening .*sdz failed: another program has it \(EBUSY\)\n.*Nothing was written/);
    assert.ok((await rig.readMedium()).every((byte, at) => byte === before[at]));
  },
});

Deno.test({
  name: "a device without room for what it is given: ENOSPC or EIO at its byte, and the first sector is empty",
  ignore: !canLoop,
  fn: async () => {
    await using rig = await prepare({ roomBytes: 12 * mebibyte });
    const { exitCode, said } = await rig.write();
    assert.equal(exitCode, 1);
    const byte = Number(/Writing .*sdz failed at byte (\d+): it (?:has no more room|reports)/.exec(said)?.[1]);
    // A mebibyte at its end came first.
    assert.ok(byte >= 10 * mebibyte && byte <= 12 * mebibyte, said);
    assert.match(said, /is no stick now: .* its first sector is empty/);
    assert.ok((await rig.readMedium()).subarray(0, 4096).every((value) => value === 0));
  },
});

Deno.test({
  name: "a name that goes away becomes no file, and the command reports that it is gone",
  ignore: !canLoop,
  fn: async () => {
    await using rig = await prepare();
    await Deno.remove(rig.device);
    const { exitCode, said } = await rig.write();
    assert.equal(exitCode, 1);
    assert.match(said, /Opening .*sdz failed: it is gone/);
    await assert.rejects(Deno.lstat(rig.device), Deno.errors.NotFound);
    assert.ok((await rig.readMedium()).every((value) => value === old));
  },
});

Deno.test({
  name: "Ctrl-C while dd writes: what is left is clearly no stick, the user learns this, and the device is given back",
  ignore: !canLoop,
  fn: async () => {
    const deviceBytes = 160 * mebibyte;
    await using rig = await prepare({ deviceBytes, parts: [{ offset: 0, sizeBytes: deviceBytes }] });
    const said: string[] = [];
    const writing = Promise.withResolvers<void>();
    await using program = system.spawn(rig.argv, {
      env,
      isDetached: true,
      onLine: (line) => {
        said.push(line);
        if (line === "Writing …") writing.resolve();
      },
    });
    await Promise.race([writing.promise, program.exited]);
    // To all of its processes, as a terminal does.
    await system.run(["kill", "-INT", "--", `-${program.pid}`]);
    assert.equal((await program.exited).exitCode, 3, said.join("\n"));
    assert.match(said.join("\n"), /^Warning: .*sdz is no stick now: .* its first sector is empty[^]*\nStopped$/m);
    assert.ok((await rig.readMedium()).subarray(0, 4096).every((value) => value === 0));
    // Neither locked nor open any more.
    await system.run(["flock", "--exclusive", "--nonblock", rig.loop, "true"]);
    await system.run(["wipefs", "--all", "--no-act", rig.loop]);
  },
});
