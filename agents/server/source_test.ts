import assert from "node:assert/strict";
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import { formatHandover, type Handover } from "../../lib/formats/handover.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { createDiskSource, PreparedSource, type WatchedSource } from "./source.ts";

const disk: DiskReport = {
  path: "/dev/sda",
  name: "sda",
  sizeBytes: 1,
  logicalBlockSize: 512,
  problems: [],
  notices: [],
};

/** A source that writes down what is done to it. */
function createSource(
  change: Partial<WatchedSource> = {},
): { readonly source: PreparedSource; readonly done: string[] } {
  const done: string[] = [];
  let opened = 0;
  const source = new PreparedSource({
    inspect: () => {
      done.push("inspect");
      return Promise.resolve(disk);
    },
    openBoot: (passphrase) => {
      const number = opened += 1;
      done.push(passphrase === undefined ? `open ${number}` : `open ${number} with passphrase`);
      return Promise.resolve({
        entry: { title: "", loader: "grub", source: "", kernel: "", initrds: [], commandLine: "", notices: [] },
        kernelBytes: 1,
        initramfsBytes: 1,
        openKernel: () => Promise.resolve(new Blob(["kernel"]).stream()),
        openInitramfs: () => Promise.resolve(new Blob(["initramfs"]).stream()),
        [Symbol.asyncDispose]: () => {
          done.push(`close ${number}`);
          return Promise.resolve();
        },
      });
    },
    readChain: () => Promise.resolve({ kind: "none", why: "" }),
    listUses: () => {
      done.push("uses");
      return Promise.resolve("mounted by us");
    },
    ...change,
  });
  return { source, done };
}

Deno.test("what was prepared serves one exchange; the next does everything itself", async () => {
  const { source, done } = createSource();
  void source.prepare();
  assert.equal(await source.inspect(), disk);
  await using _first = await source.openBoot();
  assert.deepEqual(done, ["inspect", "open 1", "uses", "uses"]);
  await source.inspect();
  await using _second = await source.openBoot();
  assert.deepEqual(done.slice(4), ["inspect", "open 2"]);
});

Deno.test("a disk that another program has begun to use is looked at again", async () => {
  const uses = ["mounted by us", "mounted by us\nmounted by a person"];
  const { source, done } = createSource({ listUses: () => Promise.resolve(uses.shift() ?? "") });
  void source.prepare();
  await source.inspect();
  assert.deepEqual(done, ["inspect", "open 1", "close 1", "inspect"]);
});

Deno.test("a prepared image that no exchange took is closed", async () => {
  const { source, done } = createSource();
  void source.prepare();
  await source.inspect();
  await source.inspect(); // the first exchange failed before it opened anything
  void source.prepare();
  await source[Symbol.asyncDispose]();
  assert.deepEqual(done.filter((what) => /open|close/.test(what)), ["open 1", "close 1", "open 2", "close 2"]);
});

Deno.test("an image that cannot be read is closed, and left to the exchange", async () => {
  const closed: string[] = [];
  const broken = {
    entry: { title: "", loader: "grub" as const, source: "", kernel: "", initrds: [], commandLine: "", notices: [] },
    kernelBytes: 1,
    initramfsBytes: 1,
    openKernel: () => Promise.reject(new Error("I/O error")),
    openInitramfs: () => Promise.reject(new Error("I/O error")),
    [Symbol.asyncDispose]: () => Promise.resolve(void closed.push("closed")),
  };
  const { source, done } = createSource({ openBoot: () => Promise.resolve(broken) });
  void source.prepare();
  assert.equal(await source.inspect(), disk);
  assert.deepEqual(closed, ["closed"]);
  assert.deepEqual(done, ["inspect", "inspect"]);
});

Deno.test("a disk that cannot be prepared is asked again by the exchange", async () => {
  const refused = { ...disk, problems: [{ code: "mounted" as const, message: "mounted" }] };
  const { source, done } = createSource({ inspect: () => Promise.resolve(refused) });
  void source.prepare();
  assert.equal(await source.inspect(), refused);
  const locked = createSource({ openBoot: () => Promise.reject(new Error("passphrase needed")) });
  void locked.source.prepare();
  assert.equal(await locked.source.inspect(), disk);
  await assert.rejects(locked.source.openBoot(), /passphrase needed/);
  assert.deepEqual(done, []);
});

Deno.test("a disk that was looked at a moment ago is not looked at again to be prepared", async () => {
  const { source, done } = createSource();
  await source.prepare(await source.inspect());
  assert.deepEqual(done, ["inspect", "open 1", "uses"]);
  await source[Symbol.asyncDispose]();
});

Deno.test("an image that lies in memory is not read to lie there", async () => {
  const image = {
    entry: {
      title: "",
      loader: "handover" as const,
      source: "",
      kernel: "",
      initrds: [],
      commandLine: "",
      notices: [],
    },
    kernelBytes: 1,
    initramfsBytes: 1,
    isInMemory: true,
    openKernel: () => Promise.reject(new Error("read")),
    openInitramfs: () => Promise.reject(new Error("read")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const { source } = createSource({ openBoot: () => Promise.resolve(image) });
  void source.prepare();
  await source.inspect();
  assert.equal(await source.openBoot(), image);
});

Deno.test("what was prepared before the disk was lent is not used after", async () => {
  const { source, done } = createSource({ noteLent: () => Promise.resolve(void done.push("lent")) });
  await source.prepare();
  await source.noteLent();
  assert.deepEqual(done, ["inspect", "open 1", "uses", "close 1", "lent"]);
  await source.inspect();
  await using _image = await source.openBoot();
  assert.deepEqual(done.slice(5), ["inspect", "open 2"]);
});

const directory = "/etc/stiefelsystem/handover";
const handover: Handover = {
  version: 1,
  disk: { sizeBytes: 5e11, path: "/dev/sda", tableUuid: "T1" },
  title: "Debian",
  commandLine: "root=UUID=1 ro",
  pair: { kernelBytes: 6, initramfsBytes: 9 },
};

/** A machine with two encrypted disks, nothing on which can be read. */
function twoDisks(): MemorySystem {
  const common = { ro: false, rm: false, "log-sec": 512, size: 5e11, mountpoints: [null], type: "disk" };
  const blockdevices = [
    { ...common, name: "sda", path: "/dev/sda", ptuuid: "T2" },
    { ...common, name: "sdb", path: "/dev/sdb", ptuuid: "T1" },
  ];
  return createMemorySystem({
    files: {
      [`${directory}/kernel`]: "kernel",
      [`${directory}/initramfs`]: "initramfs",
      [`${directory}/handover.json`]: formatHandover(handover),
    },
    commands: [
      (argv) =>
        argv[0] !== "lsblk"
          ? undefined
          : argv.includes("--nodeps")
          ? `${argv.at(-1)}\n`
          : JSON.stringify({ blockdevices }),
      ([program]) => program === "blkid" ? "TYPE=crypto_LUKS\nUUID=U\n" : undefined,
    ],
  });
}

Deno.test("what was handed over needs no boot partition and no passphrase; after a desktop had the disk it does", async () => {
  const system = twoDisks();
  const source = createDiskSource(system, {}, { directory, handover });
  const report = await source.inspect();
  assert.equal(report.path, "/dev/sdb");
  assert.deepEqual(report.notices, [], "a system that has just run is not hibernated");
  {
    await using image = await source.openBoot();
    assert.deepEqual([image.entry.loader, image.entry.commandLine], ["handover", "root=UUID=1 ro"]);
  }
  await source.noteLent?.();
  assert.match((await source.inspect()).notices.join(), /cannot be seen here/);
  await assert.rejects(source.openBoot(), { code: "passphrase-needed" });
});

Deno.test("boot.load of the configuration wins over what was handed over; the disk is the same", async () => {
  const load = { kernel: "/k", initrd: "/i", cmdline: ["ro"] };
  const source = createDiskSource(twoDisks(), { load }, { directory, handover });
  assert.equal((await source.inspect()).path, "/dev/sdb");
  await assert.rejects(source.openBoot(), { code: "passphrase-needed" });
});
