import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { inspectDisk } from "./inspect_disk.ts";

interface Device {
  readonly type?: string;
  /** Bytes by offset, as od(1) prints them. */
  readonly bytes?: Readonly<Record<number, string>>;
  readonly mountPoint?: string;
}

interface Machine {
  readonly devices: Readonly<Record<string, Device>>;
  /** Lines of lvs; absent where there is no LVM in the image. */
  readonly volumes?: string;
}

function makeMachine({ devices, volumes }: Machine): MemorySystem {
  const active = new Set<string>();
  return createMemorySystem({
    commands: [(argv) => {
      const last = argv.at(-1) ?? "";
      switch (argv[0]) {
        case "lsblk": {
          if (argv.includes("--nodeps")) return last === "/dev/disk/by-id/mine" ? "/dev/sda\n" : 32;
          const common = { size: 1e9, ro: false, rm: false, "log-sec": 4096, model: "Disk ", serial: "S1" };
          const children = Object.entries(devices).filter(([path]) => path.startsWith("/dev/sda")).map((
            [path, { mountPoint }],
          ) => ({ ...common, name: path.slice(5), path, type: "part", mountpoints: [mountPoint ?? null] }));
          return JSON.stringify({
            blockdevices: [{ ...common, name: "sda", path: "/dev/sda", type: "disk", children }],
          });
        }
        case "blkid": {
          const type = devices[last]?.type;
          return type === undefined ? 2 : `TYPE=${type}\n`;
        }
        case "od":
          return devices[last]?.bytes?.[Number(argv[argv.indexOf("-j") + 1])] ?? 1;
        case "lvm":
          if (volumes === undefined) return undefined;
          if (argv[1] === "lvs") return volumes;
          if (argv.includes("y")) active.add(last);
          else assert.ok(active.delete(last));
          return 0;
        default:
          return undefined;
      }
    }],
  });
}

/** The start of an ext4 super block up to s_feature_incompat. */
function ext4(incompatible: number): Readonly<Record<number, string>> {
  const bytes = new Array<number>(0x64).fill(0);
  bytes[0x38] = 0x53;
  bytes[0x39] = 0xef;
  bytes[0x60] = incompatible;
  return { 1024: bytes.map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("") };
}

Deno.test("a disk at rest may be served; its real path and block size are reported", async () => {
  const system = makeMachine({
    devices: { "/dev/sda1": { type: "vfat" }, "/dev/sda2": { type: "ext4", bytes: ext4(0x2) } },
  });
  for (const path of [undefined, "/dev/disk/by-id/mine"]) {
    assert.deepEqual(await inspectDisk(system, path), {
      path: "/dev/sda",
      name: "sda",
      sizeBytes: 1e9,
      logicalBlockSize: 4096,
      model: "Disk",
      serial: "S1",
      problems: [],
      notices: [],
    });
  }
});

Deno.test("inspection reports a disk that is not there, and lists those that are", async () => {
  await assert.rejects(inspectDisk(makeMachine({ devices: {} }), "/dev/disk/by-id/other"), {
    code: "no-device",
    hints: ["/dev/sda: Disk, 1.0 GB, serial S1"],
  });
});

Deno.test("inspection reports a journal to replay, which is no obstacle", async () => {
  const { problems, notices } = await inspectDisk(
    makeMachine({ devices: { "/dev/sda1": { type: "ext4", bytes: ext4(0x6) } } }),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(notices, ['"/dev/sda1" (ext4) was not unmounted cleanly; the desktop will replay its journal']);
});

Deno.test("a hibernated system is an obstacle, on a partition and on a volume", async () => {
  const onPartition = await inspectDisk(makeMachine({ devices: { "/dev/sda2": { type: "swsuspend" } } }));
  assert.deepEqual(onPartition.problems.map((problem) => problem.code), ["hibernated"]);
  const onVolume = await inspectDisk(makeMachine({
    devices: { "/dev/sda2": { type: "LVM2_member" }, "/dev/vg/swap": { type: "swsuspend" } },
    volumes: "  vg|root|linear|public\n  vg|swap|linear|public\n",
  }));
  assert.match(onVolume.problems.map((problem) => problem.message).join(), /"\/dev\/vg\/swap"/);
});

Deno.test("inspection reports what it cannot look into", async () => {
  const { problems, notices } = await inspectDisk(
    makeMachine({ devices: { "/dev/sda1": { type: "crypto_LUKS" }, "/dev/sda2": { type: "LVM2_member" } } }),
  );
  assert.deepEqual(problems, []);
  assert.match(notices[0] ?? "", /"\/dev\/sda1" is encrypted/);
  assert.match(notices[1] ?? "", /"\/dev\/sda2" could not be looked at: the image was built without the module "lvm"/);
});

Deno.test("volumes of a disk in use are left alone", async () => {
  const system = makeMachine({
    devices: { "/dev/sda1": { type: "vfat", mountPoint: "/boot" }, "/dev/sda2": { type: "LVM2_member" } },
    volumes: "  vg|root|linear|public\n",
  });
  assert.deepEqual((await inspectDisk(system)).problems.map((problem) => problem.code), ["mounted"]);
  assert.equal(system.ran.some(([program]) => program === "lvm"), false);
});
