import assert from "node:assert/strict";
import {
  createDeviceRig,
  type DeviceFaults,
  devicePath,
  type DeviceRig,
  imagePath,
  isUntouched,
  oldByte,
} from "../../tests/support/device_rig.ts";
import { createScriptedUi } from "../../tests/support/host_rig.ts";
import { CommandError, StoppedByUser, UserError } from "../errors.ts";
import { isFilledWith, sameBytes } from "../formats/bytes.ts";
import { parseBlockDevices } from "../system/facts.ts";
import { DeviceFault } from "./device_fault.ts";
import { writeDevice } from "./write_device.ts";

const mebibyte = 1024 * 1024;
const sizeBytes = 32 * mebibyte;

/** Sector 0, metadata, an empty stretch, files, and the end of the device. */
const extents = [
  { offset: 0, sizeBytes: 10 * mebibyte },
  { offset: 12 * mebibyte + 4096, sizeBytes: 5 * mebibyte + 8192 },
  { offset: sizeBytes - mebibyte, sizeBytes: mebibyte },
];

function makeImage(): Uint8Array {
  const image = new Uint8Array(sizeBytes);
  for (let at = 0; at < image.length; at++) image[at] = (at >>> 12) * 7 + at & 0xff;
  image.fill(0, 4 * mebibyte, 8 * mebibyte);
  image.fill(0xa5, 0, 512);
  return image;
}
const image = makeImage();

interface Written {
  readonly rig: DeviceRig;
  readonly error: unknown;
  readonly said: readonly string[];
}

async function writeTo(faults: DeviceFaults = {}, signal?: AbortSignal): Promise<Written> {
  const rig = createDeviceRig({ sizeBytes, image, faults, ...signal === undefined ? {} : { signal } });
  const [device] = parseBlockDevices((await rig.system.run(["lsblk"])).stdout);
  assert.ok(device !== undefined);
  const ui = createScriptedUi([]);
  const error = await writeDevice(rig.system, ui, { device, image: { path: imagePath, sizeBytes, extents } })
    .then(() => undefined, (error: unknown) => error);
  return { rig, error, said: ui.said };
}

/** What a desktop would start from: all that counts is there. */
function isGoodStick({ bytes }: DeviceRig): boolean {
  return extents.every(({ offset, sizeBytes }) =>
    sameBytes(bytes.subarray(offset, offset + sizeBytes), image.subarray(offset, offset + sizeBytes))
  );
}

/** No firmware finds anything to start. */
const isClearlyNone = ({ bytes }: DeviceRig): boolean => isFilledWith(bytes.subarray(0, 4096), 0);

Deno.test("a stick is written, its first sector last of all, when the rest was read back", async () => {
  const { rig, error } = await writeTo();
  assert.equal(error, undefined);
  assert.ok(isGoodStick(rig));
  const at = (what: string): number => rig.done.lastIndexOf(what);
  const head = at("write 0 4096");
  assert.equal(rig.done.filter((one) => one === "write 0 4096").length, 1);
  assert.deepEqual(rig.done.slice(0, 6), [
    "hold",
    "try",
    "wipe",
    `write ${31 * mebibyte} 1048576`,
    "write 0 1048576",
    "sync",
  ]);
  const written = rig.done.map((one, index) => ({ one, index })).filter(({ one }) => /^write/.test(one));
  assert.equal(written.at(-1)?.index, head);
  assert.ok(rig.done.indexOf(`read ${31 * mebibyte} 1048576`) < head, "all was read back before");
  assert.deepEqual(rig.done.slice(head), ["write 0 4096", "sync", "read 0 4096", "release"]);
});

Deno.test("a device whose size is no multiple of 4096 is written to its very end", async () => {
  const odd = sizeBytes + 2048;
  const larger = new Uint8Array(odd).fill(oldByte);
  larger.set(image);
  const rig = createDeviceRig({ sizeBytes: odd, image: larger });
  const [device] = parseBlockDevices((await rig.system.run(["lsblk"])).stdout);
  assert.ok(device !== undefined);
  const toTheEnd = [...extents.slice(0, 2), { offset: 31 * mebibyte, sizeBytes: mebibyte + 2048 }];
  const stick = { path: imagePath, sizeBytes: odd, extents: toTheEnd };
  await writeDevice(rig.system, createScriptedUi([]), { device, image: stick });
  assert.deepEqual(rig.bytes.subarray(31 * mebibyte), larger.subarray(31 * mebibyte));
});

Deno.test("what is empty and empty on the device already is not written, and what lay there before does not stay", async () => {
  const { rig } = await writeTo();
  // The device was full of something else.
  assert.ok(rig.done.includes(`write ${4 * mebibyte} ${4 * mebibyte}`));
  const again = createDeviceRig({ sizeBytes, image });
  again.bytes.fill(0, 4 * mebibyte, 8 * mebibyte);
  const [device] = parseBlockDevices((await again.system.run(["lsblk"])).stdout);
  assert.ok(device !== undefined);
  await writeDevice(again.system, createScriptedUi([]), { device, image: { path: imagePath, sizeBytes, extents } });
  assert.ok(!again.done.includes(`write ${4 * mebibyte} ${4 * mebibyte}`));
  assert.ok(isGoodStick(again));
});

const byte = 13 * mebibyte + 12_345;
const cases: readonly {
  readonly name: string;
  readonly faults: DeviceFaults;
  readonly kind: DeviceFault["facts"]["kind"];
  readonly offset?: number;
  readonly message: RegExp;
  /** Default: clearly no stick. */
  readonly left?: "untouched" | "anything";
}[] = [
  {
    name: "EIO at byte N",
    faults: { writeFailsAt: { byte, text: "Input/output error" } },
    kind: "input-output",
    offset: byte,
    message: /^Writing \/dev\/sdb failed at byte 13643833: it reports an input\/output error \(EIO\)$/,
  },
  {
    name: "ENOSPC at byte N: smaller than it says",
    faults: { writeFailsAt: { byte, text: "No space left on device" } },
    kind: "full",
    offset: byte,
    message: /no more room/,
  },
  {
    name: "ENODEV at byte N",
    faults: { writeFailsAt: { byte, text: "No such device" } },
    kind: "gone",
    offset: byte,
    message: /it is gone \(ENODEV\)/,
  },
  {
    name: "EROFS: it locks itself while it is written to",
    faults: { writeFailsAt: { byte, text: "Read-only file system" } },
    kind: "locked",
    offset: byte,
    message: /locked against writing/,
  },
  {
    name: "uutils' words for the same",
    faults: { writeFailsAt: { byte, text: "IO error: Input/output error (os error 5)" } },
    kind: "input-output",
    offset: byte,
    message: /EIO/,
  },
  {
    name: "an unknown error is shown as it is",
    faults: { writeFailsAt: { byte, text: "Key was rejected by service" } },
    kind: "other",
    offset: byte,
    message: /Key was rejected by service/,
  },
  {
    name: "a short write without an error",
    faults: { shortWriteAt: byte },
    kind: "short",
    offset: byte,
    message: /at byte 13643833: it took 1056825 of 4194304 bytes/,
  },
  {
    name: "EIO at fsync after the data",
    faults: { syncFails: { text: "Input/output error", nth: 2 } },
    kind: "input-output",
    message: /^Flushing \/dev\/sdb failed: it reports an input\/output error/,
  },
  {
    name: "EIO at the very last fsync: the first sector goes again",
    faults: { syncFails: { text: "Input/output error", nth: 3 } },
    kind: "input-output",
    message: /^Flushing/,
  },
  {
    name: "a bit that stays flipped",
    faults: { flip: { byte, times: Infinity } },
    kind: "differs",
    offset: byte,
    message:
      /^Reading back \/dev\/sdb failed at byte 13643833: 0x[0-9a-f]{2} was written there, and 0x[0-9a-f]{2} came back, twice$/,
  },
  {
    name: "a bit that is flipped once",
    faults: { flip: { byte, times: 1 } },
    kind: "unstable",
    offset: byte,
    message: /came back, then 0x/,
  },
  {
    name: "a bit of the first sector that stays flipped",
    faults: { flip: { byte: 100, times: Infinity } },
    kind: "differs",
    offset: 100,
    message: /at byte 100/,
    left: "anything",
  },
  {
    name: "EIO when it is read back",
    faults: { readFailsAt: { byte, text: "Input/output error" } },
    kind: "input-output",
    offset: 12 * mebibyte + 4096,
    message: /^Reading back .* input\/output error/,
  },
  {
    name: "it takes everything and keeps nothing",
    faults: { keepsNothing: true },
    kind: "differs",
    offset: 0,
    message: /at byte 0: 0x00 was written there, and 0x5a came back, twice/,
    left: "anything",
  },
  {
    name: "a counterfeit that begins again at its start",
    faults: { wrapsAt: 8 * mebibyte },
    kind: "differs",
    message: /came back, twice/,
    left: "anything",
  },
  {
    name: "pulled out while it is written to",
    faults: { pulledAt: byte },
    kind: "gone",
    message: /it is gone \(it reports an input\/output error \(EIO\)\)/,
    left: "anything",
  },
  {
    name: "plugged in again, or another one, while it is written to",
    faults: { swappedAt: byte },
    kind: "swapped",
    message: /was unplugged and plugged in again/,
    left: "anything",
  },
  {
    name: "another device when it is opened",
    faults: { swappedAt: "opening" },
    kind: "swapped",
    message: /^Opening \/dev\/sdb failed: it is another device now: serial "OTHER", not "4C530001"$/,
    left: "untouched",
  },
  {
    name: "EBUSY when it is opened for itself alone",
    faults: { wipefsFails: "Device or resource busy" },
    kind: "busy",
    message: /^Opening \/dev\/sdb failed: another program has it \(EBUSY\)$/,
    left: "untouched",
  },
  {
    name: "locked by another program",
    faults: { flockFails: { exitCode: 1 } },
    kind: "busy",
    message: /another program keeps it locked/,
    left: "untouched",
  },
  {
    name: "no medium when it is opened",
    faults: { flockFails: { exitCode: 66, text: "flock: cannot open lock file /dev/sdb: No medium found" } },
    kind: "gone",
    message: /no medium/,
    left: "untouched",
  },
];

for (const { name, faults, kind, offset, message, left = "none" } of cases) {
  Deno.test(`the true fault, and never a good-looking bad stick: ${name}`, async () => {
    const { rig, error } = await writeTo(faults);
    assert.ok(error instanceof DeviceFault, String(error));
    assert.equal(error.facts.kind, kind, error.message);
    if (offset !== undefined) assert.equal(error.facts.offset, offset);
    assert.match(error.message, message);
    if (left === "none") {
      assert.ok(isClearlyNone(rig));
      assert.match(error.hints[0] ?? "", /is no stick now|it is no stick/);
    }
    if (left === "untouched") assert.ok(isUntouched(rig));
    // A byte that only reads wrong is right on the medium.
    if (faults.flip === undefined && faults.syncFails === undefined) assert.ok(!isGoodStick(rig));
    assert.equal(rig.done.includes("hold"), rig.done.at(-1) === "release");
  });
}

Deno.test("every error has an advice, and what is left on the device", async () => {
  const { error } = await writeTo({ writeFailsAt: { byte, text: "Input/output error" } });
  assert.ok(error instanceof DeviceFault);
  assert.deepEqual(error.hints, [
    "/dev/sdb is no stick now: what was on it is lost, and its first sector is empty, so that nothing starts from it",
    "Try another port, without a hub; if it fails again, the device is worn out: take another one",
  ]);
});

Deno.test("a device that is mounted between choosing and opening stays as it is", async () => {
  const { rig, error } = await writeTo({ mountedAtOpening: true });
  assert.ok(error instanceof UserError);
  assert.match(error.message, /in use since it was chosen: it is mounted: \/dev\/sdb at "\/media\/me\/DATA"/);
  assert.ok(isUntouched(rig));
});

Deno.test("Ctrl-C at every piece leaves what is clearly no stick, and says so", async () => {
  const offsets: number[] = [];
  await writeTo({ onWrite: (offset) => void offsets.push(offset) });
  assert.ok(offsets.length > 5);
  for (let nth = 0; nth < offsets.length; nth++) {
    const stop = new AbortController();
    let count = 0;
    const { rig, error, said } = await writeTo({
      onWrite: () => {
        if (count++ === nth) stop.abort(new StoppedByUser());
      },
    }, stop.signal);
    assert.ok(error instanceof StoppedByUser);
    const isFirst = nth === 0;
    // The end of the device is emptied before its start.
    if (!isFirst) assert.ok(isClearlyNone(rig), `stopped at write ${nth}`);
    assert.match(
      said.join("\n"),
      isFirst ? /Warning: What was on \/dev\/sdb may be lost in part/ : /Warning: \/dev\/sdb is no stick now/,
    );
    assert.equal(rig.done.at(-1), "release");
    assert.equal(devicePath, "/dev/sdb");
  }
});

Deno.test("Ctrl-C that reaches dd first is no fault of the device, and the user learns what is left", async () => {
  let count = 0;
  const { error, said } = await writeTo({
    onWrite: () => {
      if (count++ === 3) throw new CommandError({ argv: ["dd"], signal: "SIGINT" });
    },
  });
  assert.ok(error instanceof StoppedByUser);
  assert.match(said.join("\n"), /Warning: \/dev\/sdb is no stick now/);
});

Deno.test("a power cut after any write leaves a good stick or clearly none", async () => {
  const { rig: { done } } = await writeTo();
  const writes = done.filter((one) => one.startsWith("write"));
  for (let cut = 1; cut <= writes.length; cut++) {
    // What is on the device after so many writes: the first sector is that of the old content, empty, or that of a
    // complete stick.
    let count = 0;
    let power = true;
    const rig = createDeviceRig({
      sizeBytes,
      image,
      faults: {
        onWrite: () => {
          if (count++ >= cut) power = false;
          if (!power) throw new Error("no power");
        },
      },
    });
    const [device] = parseBlockDevices((await rig.system.run(["lsblk"])).stdout);
    assert.ok(device !== undefined);
    await writeDevice(rig.system, createScriptedUi([]), { device, image: { path: imagePath, sizeBytes, extents } })
      .catch(() => {});
    const isOld = rig.bytes[0] === oldByte;
    assert.ok(isOld ? cut === 1 : isGoodStick(rig) || isClearlyNone(rig), `cut after ${cut} writes`);
  }
});
