import assert from "node:assert/strict";
import {
  createDeviceRig,
  type DeviceFaults,
  type DeviceRig,
  isUntouched,
  oldByte,
} from "../../../tests/support/device_rig.ts";
import { createScriptedUi, type ScriptedAnswer } from "../../../tests/support/host_rig.ts";
import type { KeyFingerprints } from "../../key_file.ts";
import { createTestMaker, stickImage } from "../../../tests/support/stick_maker.ts";
import { UserError } from "../../errors.ts";
import { sameBytes } from "../../formats/bytes.ts";
import { setupClientUsbdrive, type SetupClientUsbdriveOptions } from "./setup_client_usbdrive.ts";
import { parseWrittenSticks } from "../../media/written_sticks.ts";
import type { StickUpdate } from "../../media/update_stick.ts";

const sizeBytes = 16 * 1024 * 1024;
const systemDisk = {
  ...{ name: "nvme0n1", path: "/dev/nvme0n1", type: "disk", size: 5e11, ro: false, rm: false, "log-sec": 512 },
  ...{ model: "Some SSD", serial: "S1", tran: "nvme", mountpoints: ["/"] },
};
const ours = {
  children: [{
    name: "sdb1",
    path: "/dev/sdb1",
    type: "part",
    size: 1e6,
    ro: false,
    rm: true,
    "log-sec": 512,
    label: "STIEFEL",
  }],
};

interface Run {
  readonly rig: DeviceRig;
  readonly error: unknown;
  readonly said: string;
  readonly questions: readonly string[];
}

async function run(
  options: Partial<SetupClientUsbdriveOptions>,
  { texts = [], answers = [], uid = 0, faults = {}, plan, columns = {}, neededBytes = 1e7, manifest, keys }: {
    readonly texts?: readonly string[];
    readonly answers?: readonly ScriptedAnswer[];
    readonly uid?: number;
    readonly faults?: DeviceFaults;
    readonly plan?: StickUpdate;
    readonly columns?: Readonly<Record<string, unknown>>;
    readonly neededBytes?: number;
    readonly manifest?: string;
    readonly keys?: KeyFingerprints;
  } = {},
): Promise<Run> {
  const rig = createDeviceRig({ sizeBytes, others: [systemDisk], uid, faults, columns });
  if (manifest !== undefined) await rig.system.writeFile("/build/manifest.json", manifest);
  const ui = createScriptedUi(answers, { texts });
  const maker = createTestMaker(rig.system, {
    neededBytes,
    ...plan === undefined ? {} : { plan },
    ...keys === undefined ? {} : { keys },
  });
  const error = await setupClientUsbdrive(rig.system, ui, { maker, options: { workDirectory: "/build", ...options } })
    .then(() => undefined, (error: unknown) => error);
  return { rig, error, said: ui.said.join("\n"), questions: ui.questions.map(({ text }) => text) };
}

const isWritten = ({ bytes }: DeviceRig): boolean => sameBytes(bytes.subarray(0, stickImage.length), stickImage);

Deno.test("the only stick is not chosen either: its name is typed, and typed once more when all is shown that is lost", async () => {
  const { rig, error, said, questions } = await run({}, { texts: ["sdb", "sdb"] });
  assert.equal(error, undefined);
  assert.ok(isWritten(rig));
  assert.deepEqual(questions, ["Name of the device, such as sdb (empty: stop)", "Type sdb to erase it (empty: stop)"]);
  assert.match(said, /sdb: SanDisk Ultra, 16.8 MB, usb\n {4}serial 4C530001/);
  assert.match(
    said,
    /Not possible:[^]*nvme0n1: Some SSD, 500 GB, nvme\n {4}carries the running system: "\/" is on \/dev\/nvme0n1/,
  );
  assert.match(said, /Everything on \/dev\/sdb will be destroyed:/);
  assert.match(said, /read back: \/dev\/sdb can be unplugged now/);
  assert.match(said, /Secure Boot raises/);
  // The image holds the shared key.
  assert.deepEqual([...rig.memory.files.keys()].filter((path) => path.startsWith("/build")), []);
});

Deno.test("which stick was written with which image is noted for doctor, and not when none was written", async () => {
  const file = { sizeBytes: 1, sha256: "c".repeat(64) };
  const manifest = JSON.stringify({ kernel: file, initrd: { ...file, holdsSecret: true }, isDebug: false, parts: [] });
  const { rig } = await run({ device: "sdb" }, { texts: ["sdb"], manifest });
  const noted = new TextDecoder().decode(rig.memory.files.get("/build/sticks.json")?.content);
  assert.deepEqual(parseWrittenSticks(noted), [
    { name: "SanDisk Ultra 4C530001 16.8 MB", initrdSha256: "c".repeat(64) },
  ]);
  const failed = await run({ device: "sdb" }, { texts: [""], manifest });
  assert.equal(failed.rig.memory.files.get("/build/sticks.json"), undefined);
});

Deno.test("nothing but the name erases it", async () => {
  const cases: readonly (readonly string[])[] = [
    [],
    [""],
    ["sdb"],
    ["sdb", ""],
    ["sdb", "y", "yes", "nvme0n1"],
    ["nvme0n1", "sdz", ""],
  ];
  for (const texts of cases) {
    const { rig, error } = await run({}, { texts });
    assert.ok(error instanceof UserError && error.exitCode === 3, texts.join());
    assert.ok(isUntouched(rig), texts.join());
    assert.ok(rig.done.every((one) => /^(?:hold|read 0 4096|release)$/.test(one)));
  }
  const { rig, error } = await run({}, { texts: ["nvme0n1", "sdb", "sda", "/dev/sdb"] });
  assert.equal(error, undefined);
  assert.ok(isWritten(rig), "wrong answers do not end it");
});

Deno.test("--yes takes the device that is named, and no other", async () => {
  for (const device of ["sdb", "/dev/sdb", "/dev/disk/by-id/usb-SanDisk_Ultra"]) {
    const { rig, error, questions } = await run({ device, assumeYes: true });
    assert.equal(error, undefined, device);
    assert.deepEqual(questions, []);
    assert.ok(isWritten(rig), device);
  }
  const unnamed = await run({ assumeYes: true });
  assert.ok(unnamed.error instanceof UserError && unnamed.error.exitCode === 2);
  assert.match(unnamed.error.message, /--yes needs the name/);
  const refused: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
    ["nvme0n1", {}, /carries the running system/],
    ["sdb", { mountpoints: ["/media/x"] }, /is mounted/],
    ["sdb", { ro: true }, /cannot be written to/],
    ["sdb", { fstype: "zfs_member" }, /ZFS/],
    ["sdb", { size: 0 }, /no medium/],
    ["sdc", {}, /There is no device "sdc"/],
    ["/dev/disk/by-id/other", {}, /There is no device/],
  ];
  for (const [device, columns, message] of refused) {
    const { rig, error } = await run({ device, assumeYes: true }, { columns });
    assert.ok(error instanceof UserError);
    assert.match(error.message, message);
    assert.ok(isUntouched(rig) && rig.done.length === 0);
  }
  const small = await run({ device: "sdb", assumeYes: true }, { neededBytes: 1e9 });
  assert.match(
    String(small.error),
    /too small: has 16.8 MB, the stick takes 1000 MB|too small: has 16.8 MB, the stick takes 1.0 GB/,
  );
});

Deno.test("--dry-run shows the devices, or what is lost on one; it writes nothing and needs no root", async () => {
  for (const device of [undefined, "sdb"]) {
    const { rig, error, said, questions } = await run({ dryRun: true, ...device === undefined ? {} : { device } }, {
      uid: 1000,
    });
    assert.equal(error, undefined);
    assert.deepEqual([questions, rig.done], [[], []]);
    assert.match(
      said,
      device === undefined
        ? /Devices that can become the stick:\n\n {2}sdb: /
        : /Everything on \/dev\/sdb will be destroyed/,
    );
  }
});

Deno.test("without root, the command says so before it asks anything", async () => {
  const { error, questions } = await run({ device: "sdb" }, { uid: 1000 });
  assert.ok(error instanceof UserError && error.exitCode === 2);
  assert.deepEqual(error.hints[0], "Run it as root: sudo ./stiefelsystem setup-client-usbdrive sdb");
  assert.deepEqual(questions, []);
});

Deno.test("a stick that fails leaves no image with the key behind", async () => {
  const { rig, error } = await run({ device: "sdb", assumeYes: true }, {
    faults: { writeFailsAt: { byte: 5_000_000, text: "Input/output error" } },
  });
  assert.match(String(error), /failed at byte 5000000/);
  assert.deepEqual([...rig.memory.files.keys()].filter((path) => path.startsWith("/build")), []);
});

// ---- a stick of ours
// -------------------------------------------------------------------------------------------------

const plan = {
  kind: "update",
  groups: [[{ offset: 1024 * 1024, bytes: new Uint8Array(4096).fill(1) }], [{
    offset: 0,
    bytes: new Uint8Array(4096).fill(2),
  }]],
  writtenBytes: 8192,
  changed: ["stiefel/key.img"],
  emptiesPlace: false,
  silenced: ["bell", "clara"],
  hasNewKey: true,
  leaves: undefined,
} as const;

Deno.test("a stick of ours is updated: copies first, each step flushed and read back, and who will not answer any more", async () => {
  const { rig, error, said, questions } = await run({ device: "sdb" }, { plan, columns: ours, answers: ["yes"] });
  assert.equal(error, undefined);
  assert.deepEqual(questions, ["Update sdb"]);
  assert.match(
    said,
    /8\.2 kB of it change:\n {2}stiefel\/key\.img\n[^]*These laptops will not answer[^]*bell\n {2}clara/,
  );
  assert.deepEqual(rig.done, [
    "hold",
    "read 0 4096",
    "try",
    "write 1048576 4096",
    "sync",
    "read 1048576 4096",
    "write 0 4096",
    "sync",
    "read 0 4096",
    "release",
  ]);
  assert.match(said, /up to date, and what was written was read back/);
});

Deno.test("where a stick has several keys, all are shown with their laptops before it is written, and noted", async () => {
  const keys = {
    own: "0123-4567-89ab-cdef",
    others: [{ name: "bell", keyFingerprint: "1123-4567-89ab-cdef" }],
  };
  const shown =
    /The stick gets 2 keys:\n {2}0123-4567-89ab-cdef {2}the key of the image\n {2}1123-4567-89ab-cdef {2}bell\n/;
  const file = { sizeBytes: 1, sha256: "c".repeat(64) };
  const manifest = JSON.stringify({ kernel: file, initrd: { ...file, holdsSecret: true }, isDebug: false, parts: [] });
  const anew = await run({ device: "sdb" }, { texts: ["sdb"], keys, manifest });
  assert.match(anew.said, shown);
  const noted = new TextDecoder().decode(anew.rig.memory.files.get("/build/sticks.json")?.content);
  assert.deepEqual(parseWrittenSticks(noted)[0]?.keys, ["0123-4567-89ab-cdef", "1123-4567-89ab-cdef"]);
  assert.match((await run({ image: "/home/me/stick.img" }, { keys })).said, shown);
  const lost = { ...plan, changed: ["stiefel/keys.img"], silenced: ["clara"], hasNewKey: false };
  const updated = await run({ device: "sdb" }, { plan: lost, columns: ours, answers: ["yes"], keys });
  assert.match(updated.said, shown);
  assert.match(
    updated.said,
    /loses the keys of these laptops, which will not answer to it any more:\n {2}clara\n\n/,
  );
  assert.doesNotMatch(updated.said, /every other one|another shared key/);
  const alone = await run({ device: "sdb" }, { texts: ["sdb"] });
  assert.doesNotMatch(alone.said, /keys/);
});

Deno.test("an update that is refused, tried or not needed writes nothing", async () => {
  const refused = await run({ device: "sdb" }, { plan, columns: ours, answers: ["skip"] });
  assert.match(String(refused.error), /Nothing was written/);
  const tried = await run({ device: "sdb", dryRun: true }, { plan, columns: ours });
  assert.match(tried.said, /8\.2 kB of it change[^]*Nothing was written/);
  assert.doesNotMatch(tried.said, /processor/);
  const other = await run({ device: "sdb", dryRun: true }, { plan: { ...plan, leaves: "amd64" }, columns: ours });
  assert.match(other.said, /starts no desktop with an amd64 processor any more/);
  const current = await run({ device: "sdb" }, { columns: ours, plan: { kind: "current" } });
  assert.match(current.said, /up to date: nothing was written/);
  for (const { rig } of [refused, tried, current]) assert.ok(isUntouched(rig) && rig.done.at(-1) === "release");
});

Deno.test("a stick of ours whose partitions the kernel has not seen yet is known by its bytes", async () => {
  const { rig, said, questions } = await run({ device: "sdb" }, { plan: { kind: "current" } });
  assert.match(said, /up to date: nothing was written/);
  assert.deepEqual(questions, []);
  assert.ok(isUntouched(rig));
});

Deno.test("a copy that is bad is never switched to", async () => {
  const { rig, error } = await run({ device: "sdb", assumeYes: true }, {
    plan,
    columns: ours,
    answers: ["yes"],
    faults: { flip: { byte: 1024 * 1024 + 7, times: Infinity } },
  });
  assert.match(String(error), /failed at byte 1048583/);
  assert.ok(error instanceof UserError);
  assert.match(error.hints[0] ?? "", /starts as before, or with what is new/);
  assert.equal(rig.bytes[0], oldByte);
});

Deno.test("where an update does not do, and where --anew is given, the whole stick is written after the question for its name", async () => {
  const cases: readonly (readonly [StickUpdate, boolean, RegExp])[] = [
    [
      { kind: "foreign", reason: "its file system was not made by us" },
      false,
      /looks like a stick of ours, but its file system/,
    ],
    [{ kind: "full" }, false, /without room/],
    [plan, true, /Everything on/],
  ];
  for (const [plan, isAnew, message] of cases) {
    const { rig, error, said, questions } = await run({ device: "sdb", isAnew }, {
      plan,
      columns: ours,
      texts: ["sdb"],
    });
    assert.equal(error, undefined);
    assert.match(said, message);
    assert.deepEqual(questions, ["Type sdb to erase it (empty: stop)"]);
    assert.ok(isWritten(rig));
  }
});

// ---- an image file
// ---------------------------------------------------------------------------------------------------

Deno.test("--image makes a file as any user, and asks before it writes over one", async () => {
  const { rig, error, said } = await run({ image: "/home/me/stick.img" }, { uid: 1000 });
  assert.equal(error, undefined);
  assert.equal(rig.memory.files.get("/home/me/stick.img")?.mode, 0o600);
  assert.match(
    said,
    /Image of a stick {2}\/home\/me\/stick\.img \(10\.0 MB\)[^]*copy it to a stick[^]*holds the shared key/,
  );
  assert.deepEqual(rig.done, []);
  for (
    const [options, message] of [
      [{ image: "/home/me/stick.img", device: "sdb" }, /Both a device and --image/],
      [{ image: "/build" }, /"\/build" is no file/],
      [{ image: "/home/you/stick.img" }, /The folder of the image "\/home\/you" is not there/],
    ] as const
  ) {
    const other = createDeviceRig({ sizeBytes, image: new Uint8Array(1) });
    const promise = setupClientUsbdrive(other.system, createScriptedUi([]), {
      maker: createTestMaker(other.system),
      options: { workDirectory: "/build", ...options },
    });
    await assert.rejects(promise, message);
  }
  const there = createDeviceRig({ sizeBytes, image: new Uint8Array(1) });
  const over = (answer: ScriptedAnswer): Promise<void> =>
    setupClientUsbdrive(there.system, createScriptedUi([answer]), {
      maker: createTestMaker(there.system),
      options: { workDirectory: "/build", image: "/build/stick.img" },
    });
  await assert.rejects(over("skip"), /Nothing was written/);
  assert.equal(there.memory.files.get("/build/stick.img")?.content.length, 1);
  await over("yes");
  assert.equal(there.memory.files.get("/build/stick.img")?.content.length, stickImage.length);
});
