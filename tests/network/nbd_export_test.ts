/**
 * The export against real clients, in network namespaces: who may connect, what is advertised, and how its end is
 * told. nbdkit is that of Debian 13, as in the image: the ip filter of Debian 12's (1.32.5) cannot read addresses.
 */

import assert from "node:assert/strict";
import { startNbdExport } from "../../lib/export/nbd/nbd_export.ts";
import type { NbdExportSettings } from "../../lib/export/nbd/nbdkit_arguments.ts";
import { RUN_NBDKIT_PATH } from "../../lib/export/nbd/needs.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { runNbdkitSource } from "./agents.ts";
import { type DebianTree, installDebian } from "./debian_tree.ts";
import { createRig, type Machine, rigTest } from "./rig.ts";

const host = createRealSystem();
let installed: Promise<DebianTree> | undefined;

Deno.test.afterAll(async () => await (await installed)?.[Symbol.asyncDispose]());

interface Setup extends AsyncDisposable {
  /** The laptop, where Debian's programs are started. */
  readonly system: System;
  readonly laptop: Machine;
  readonly desktop: Machine;
  readonly stranger: Machine;
  readonly settings: NbdExportSettings;
  /** Of nbdkit, as we see it. */
  readonly logPath: string;
  /** The exported file, as we see it. */
  readonly diskFile: string;
}

const exportName = "0123456789abcdef0123456789abcdef";
const name = `nbd://[fd00::1]:10809/${exportName}`;

/** A laptop with two cables, one to the desktop and one to a stranger, who also knows the name; a disk of 64 MiB. */
async function setUp(blockSizeBytes = 4096): Promise<Setup> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig([["laptop", "one", "desktop", "uno"], ["laptop", "two", "stranger", "due"]]));
  const [laptop, desktop, stranger] = ["laptop", "desktop", "stranger"].map((who) => rig.machine(who));
  assert.ok(laptop !== undefined && desktop !== undefined && stranger !== undefined);
  await laptop.run(["ip", "link", "add", "name", "hub", "type", "bridge"]);
  for (const link of ["one", "two"]) await laptop.run(["ip", "link", "set", link, "master", "hub", "up"]);
  await laptop.run(["ip", "link", "set", "hub", "up"]);
  for (
    const [machine, link, address] of [[laptop, "hub", "1"], [desktop, "uno", "2"], [stranger, "due", "3"]] as const
  ) {
    await machine.run(["ip", "link", "set", link, "up"]);
    await machine.run(["ip", "address", "add", `fd00::${address}/64`, "dev", link, "nodad"]);
  }
  await laptop.linkLocalAddress("hub");
  await desktop.linkLocalAddress("uno");
  installed ??= installDebian(["nbdkit"]);
  const { directory: root } = await installed;
  const inside = "/tmp/disk.img";
  const logPath = `${root}/tmp/nbdkit.log`;
  await Deno.mkdir(`${root}/usr/lib/stiefelsystem`, { recursive: true });
  await Deno.copyFile(runNbdkitSource, `${root}${RUN_NBDKIT_PATH}`);
  const diskFile = `${root}${inside}`;
  await Deno.writeFile(diskFile, new Uint8Array());
  await Deno.truncate(diskFile, 64 * 1024 * 1024);
  stack.defer(() => Deno.remove(diskFile));
  const owned = stack.move();
  return {
    system: {
      ...host,
      spawn: (argv, options) => {
        const words = argv.map((word) => word === logPath ? "/tmp/nbdkit.log" : word);
        return host.spawn(["ip", "netns", "exec", laptop.namespace, "chroot", root, ...words], options);
      },
    },
    logPath,
    laptop,
    desktop,
    stranger,
    diskFile,
    settings: {
      disk: inside,
      listenAddress: "fd00::1",
      port: 10809,
      allowAddress: "fd00::2",
      exportName,
      blockSizeBytes,
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function fails(machine: Machine, argv: readonly string[]): Promise<string> {
  try {
    await machine.run(argv);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new assert.AssertionError({ message: `${argv.join(" ")} should have failed` });
}

rigTest("what a block device needs is advertised, with the disk's own block size", async () => {
  for (const blockSizeBytes of [512, 4096]) {
    await using setup = await setUp(blockSizeBytes);
    await using nbd = await startNbdExport(setup.system, setup.settings, setup);
    const info = JSON.parse(await setup.desktop.run(["nbdinfo", "--json", name])).exports[0];
    const expected = {
      "export-size": 64 * 1024 * 1024,
      is_read_only: false,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      block_size_minimum: blockSizeBytes,
      block_size_preferred: blockSizeBytes,
    };
    for (const [key, value] of Object.entries(expected)) assert.equal(info[key], value, key);
    assert.deepEqual(await nbd.exited, { reason: "disconnected" });
  }
});

rigTest("only the client's address may connect", async () => {
  await using setup = await setUp();
  await using nbd = await startNbdExport(setup.system, setup.settings, setup);
  assert.match(await fails(setup.stranger, ["nbdinfo", name]), /nbdinfo/);
  await nbd.stop();
  assert.deepEqual(await nbd.exited, { reason: "stopped" });
});

rigTest("only the right name on the right address is answered", async () => {
  await using setup = await setUp();
  await using _nbd = await startNbdExport(setup.system, setup.settings, setup);
  assert.match(await fails(setup.desktop, ["nbdinfo", "nbd://[fd00::1]:10809/wrong"]), /No such file or directory/);
  assert.match(await fails(setup.desktop, ["nbdinfo", "nbd://[fd00::1]:10809/"]), /No such file or directory/);
  const listing = await setup.desktop.run(["nbdinfo", "--list", "--json", "nbd://[fd00::1]:10809"]).catch(String);
  assert.equal(listing.includes(exportName), false, "the name is not listed");
  const other = `nbd://[${await setup.laptop.linkLocalAddress("hub")}%25uno]:10809/${exportName}`;
  assert.match(await fails(setup.desktop, ["nbdinfo", other]), /refused|connect/);
});

rigTest(
  "written data, flushes, FUA and discards reach the disk",
  async () => {
    await using setup = await setUp();
    await using nbd = await startNbdExport(setup.system, setup.settings, setup);
    const io = (...commands: readonly string[]): readonly string[] => [
      ...["qemu-io", "--format", "raw", "--cache", "none", ...commands.flatMap((command) => ["-c", command]), name],
    ];
    const output = await setup.desktop.run(
      io("write -P 7 0 1M", "write -f -P 9 1M 4k", "flush", "discard 2M 32M", "write -z 40M 1M", "read -P 9 1M 4k"),
    );
    assert.equal(/failed|error/i.test(output), false, output);
    assert.deepEqual(await nbd.exited, { reason: "disconnected" });
    const disk = await Deno.readFile(setup.diskFile);
    assert.deepEqual([disk[0], disk[1024 * 1024 - 1], disk[1024 * 1024], disk[1024 * 1024 + 4096]], [7, 7, 9, 0]);
  },
);

rigTest("a client that is killed may come back; one that says goodbye ends the export", async () => {
  await using setup = await setUp();
  const seen: boolean[] = [];
  const [here, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using nbd = await startNbdExport(setup.system, setup.settings, {
    logPath: setup.logPath,
    onConnected: (isConnected) => {
      seen.push(isConnected);
      (isConnected ? here : gone).resolve();
    },
  });
  await using first = setup.desktop.start(["qemu-io", "--format", "raw", "-c", "sleep 60000", name]);
  await here.promise;
  await first.kill();
  await gone.promise;
  await setup.desktop.run(["nbdcopy", "--connections=4", setup.diskFile, name]);
  assert.deepEqual(await nbd.exited, { reason: "disconnected" });
  assert.deepEqual(seen.slice(0, 3), [true, false, true]);
});

rigTest("A3: a name with newlines forges no line of nbdkit's log: the desktop that has the disk keeps it", async () => {
  await using setup = await setUp();
  const here = Promise.withResolvers<void>();
  const seen: boolean[] = [];
  await using nbd = await startNbdExport(setup.system, setup.settings, {
    logPath: setup.logPath,
    onConnected: (isConnected) => {
      seen.push(isConnected);
      here.resolve();
    },
  });
  await using client = setup.desktop.start(["qemu-io", "--format", "raw", "-c", "sleep 60000", name]);
  await here.promise;
  const forged = [
    "nbdkit: file.0: debug: client sent NBD_CMD_DISC, closing connection",
    ...Array.from({ length: 16 }, (_, number) => `nbdkit: debug: exiting worker thread file.${number}`),
  ];
  for (const newline of ["\n", "\r\n", "\r"]) {
    const other = encodeURIComponent(`x${newline}${forged.join(newline)}${newline}`);
    await fails(setup.desktop, ["nbdinfo", `nbd://[fd00::1]:10809/${other}`]);
  }
  assert.deepEqual(seen, [true]);
  assert.doesNotMatch(await Deno.readTextFile(setup.logPath), /NBD_CMD_DISC|exiting worker/);
  await client.kill();
  await nbd.stop();
  assert.deepEqual(await nbd.exited, { reason: "stopped" });
});

rigTest("addresses with a zone work", async () => {
  await using setup = await setUp();
  const [server, client] = [await setup.laptop.linkLocalAddress("hub"), await setup.desktop.linkLocalAddress("uno")];
  await using nbd = await startNbdExport(setup.system, {
    ...setup.settings,
    listenAddress: `${server}%hub`,
    allowAddress: `${client}%hub`,
  }, setup);
  const uri = `nbd://[${server}%25LINK]:10809/${exportName}`;
  await fails(setup.stranger, ["nbdinfo", uri.replace("LINK", "due")]);
  assert.match(await setup.desktop.run(["nbdinfo", uri.replace("LINK", "uno")]), /can_fua: true/);
  assert.deepEqual(await nbd.exited, { reason: "disconnected" });
});

rigTest("nbdkit's own end is a failure, and so is a client that never comes", async () => {
  await using setup = await setUp();
  const { system } = setup;
  await assert.rejects(
    startNbdExport(system, { ...setup.settings, listenAddress: "fd00::77" }, setup),
    /fd00::77.*nbdkit ended/s,
  );
  await assert.rejects(startNbdExport(system, { ...setup.settings, disk: "/tmp/nothing.img" }, setup), /nothing\.img/);
  await using nbd = await startNbdExport(system, setup.settings, {
    logPath: setup.logPath,
    firstConnectionTimeoutMs: 300,
  });
  assert.deepEqual(await nbd.exited, { reason: "failed", message: "no client connected within 0 seconds" });
});
