import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { chooseCommandLine, gatherHandover, readStamp } from "./gather_handover.ts";

const lsblk = JSON.stringify({
  blockdevices: [{
    ...{ name: "nvme0n1", path: "/dev/nvme0n1", type: "disk", size: 5e11, ro: false, rm: false, "log-sec": 512 },
    ...{ model: "Some SSD", serial: "S1", ptuuid: "T1", mountpoints: [null] },
    children: [{
      ...{ name: "nvme0n1p2", path: "/dev/nvme0n1p2", type: "part", size: 4e11, ro: false, rm: false, "log-sec": 512 },
      mountpoints: ["/"],
    }],
  }],
});

/** @param files content, or the size of a file that is only asked for its size */
function laptop(files: Readonly<Record<string, string | number>>, devices = lsblk): MemorySystem {
  return createMemorySystem({
    commands: [
      ([program]) => program === "lsblk" ? devices : undefined,
      ([program, path = ""]) => program === "cat" ? files[path]?.toString() ?? 1 : undefined,
      (argv) => {
        if (argv[0] !== "stat") return undefined;
        const size = files[argv.at(-1) ?? ""];
        return typeof size === "number" ? `${size} regular file\n` : 1;
      },
    ],
  });
}

const usual = {
  "/proc/sys/kernel/hostname": "thinkpad\n",
  "/proc/cmdline": "BOOT_IMAGE=/vmlinuz-6.12 root=UUID=1234 ro quiet initrd=\\EFI\\Linux\\initrd.img\n",
  "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
  "/boot/stiefelsystem.json": '{"kernel": "/boot/linux-stiefel", "initrd": ["/boot/initramfs-stiefel.img"]}',
  "/boot/linux-stiefel": 1001,
  "/boot/initramfs-stiefel.img": 2002,
};
const disk = { sizeBytes: 5e11, path: "/dev/nvme0n1", model: "Some SSD", serial: "S1", tableUuid: "T1" };

Deno.test("a laptop hands over its disk, its command line, and what setup-server has built for desktops", async () => {
  const gathered = await gatherHandover(laptop(usual));
  assert.deepEqual(gathered, {
    handover: {
      version: 1,
      name: "thinkpad",
      disk,
      title: "Debian GNU/Linux 13 (trixie)",
      commandLine: "root=UUID=1234 ro quiet",
      pair: { kernelBytes: 1001, initramfsBytes: 2004 },
    },
    files: {
      kernel: { path: "/boot/linux-stiefel", sizeBytes: 1001 },
      initramfs: [{ path: "/boot/initramfs-stiefel.img", sizeBytes: 2002 }],
    },
    notices: [],
  });
});

Deno.test("names relative to the boot partition, as the original writes them, are found below /boot", async () => {
  const { files } = await gatherHandover(laptop({
    ...usual,
    "/boot/stiefelsystem.json": '{"kernel": "vmlinuz-linux", "initrd": ["/ucode.img", "initramfs.img"]}',
    ...{ "/boot/vmlinuz-linux": 5, "/boot/ucode.img": 6, "/boot/initramfs.img": 7 },
  }));
  assert.deepEqual([files?.kernel, ...files?.initramfs ?? []].map((file) => file?.path), [
    ...["/boot/vmlinuz-linux", "/boot/ucode.img", "/boot/initramfs.img"],
  ]);
});

Deno.test("what is not there is left out, and the journal says what the server does", async () => {
  const { "/boot/stiefelsystem.json": _, ...withoutJson } = usual;
  const { "/boot/linux-stiefel": __, ...withoutKernel } = usual;
  const cases: readonly [string, Readonly<Record<string, string | number>>, RegExp][] = [
    ["no file of setup-server", withoutJson, /are not there: the server reads its disk/],
    ["no kernel", withoutKernel, /are not there: the server reads its disk/],
    ["an empty initramfs", { ...usual, "/boot/initramfs-stiefel.img": 0 }, /are not there/],
    [
      "a broken file",
      { ...usual, "/boot/stiefelsystem.json": "{" },
      /Cannot use "\/boot\/stiefelsystem.json": not JSON/,
    ],
  ];
  for (const [what, files, notice] of cases) {
    const { handover, files: found, notices } = await gatherHandover(laptop(files));
    assert.deepEqual(
      [handover.commandLine, handover.pair, found],
      ["root=UUID=1234 ro quiet", undefined, undefined],
      what,
    );
    assert.match(notices.join("\n"), notice, what);
  }
});

Deno.test("without a command line that can be trusted there is no pair either, and never an empty line", async () => {
  for (const running of ["", "\n", "BOOT_IMAGE=/vmlinuz\n", "root=/dev/sda1 ro single\n", "ro \u0001\n"]) {
    const { handover, notices } = await gatherHandover(laptop({ ...usual, "/proc/cmdline": running }));
    assert.deepEqual(handover, { version: 1, name: "thinkpad", disk, title: "Debian GNU/Linux 13 (trixie)" }, running);
    assert.match(notices.join("\n"), /the server takes that of the boot loader/);
  }
});

Deno.test("a command line of the file wins, unless it is a copy of the running one's ancestor", async () => {
  const json = (more: string): string =>
    `{"kernel": "linux-stiefel", "initrd": "initramfs-stiefel.img", "cmdline": ["root=UUID=old", "ro"]${more}}`;
  const stated = await gatherHandover(laptop({ ...usual, "/boot/stiefelsystem.json": json("") }));
  assert.equal(stated.handover.commandLine, "root=UUID=old ro");
  const copied = await gatherHandover(
    laptop({ ...usual, "/boot/stiefelsystem.json": json(', "cmdline-copied": true') }),
  );
  assert.equal(copied.handover.commandLine, "root=UUID=1234 ro quiet");
});

Deno.test("what setup-server has noted of the initramfs goes with it", async () => {
  const json = (more: string): string => `{"kernel": "linux-stiefel", "initrd": "initramfs-stiefel.img"${more}}`;
  for (
    const [more, wanted] of [
      ["", {}],
      [', "transports": ["nbd"]', { transports: ["nbd"] }],
      [', "transports": ["nbd"], "tunnel": true', { transports: ["nbd"], canTunnel: true }],
      [', "tunnel": "yes"', {}],
    ] as const
  ) {
    const { handover } = await gatherHandover(laptop({ ...usual, "/boot/stiefelsystem.json": json(more) }));
    const { transports, canTunnel } = handover;
    assert.deepEqual(JSON.parse(JSON.stringify({ transports, canTunnel })), wanted, more);
    assert.ok(handover.pair);
  }
});

Deno.test("a laptop whose root is not on one disk hands over nothing", async () => {
  const none = JSON.stringify({ blockdevices: [] });
  await assert.rejects(gatherHandover(laptop(usual, none)), /root file system is not on one disk/);
});

Deno.test("order and quotes of the running command line stay", () => {
  const running = 'BOOT_IMAGE=/vmlinuz root=LABEL="my root" dyndbg="file x.c +p"   ro -- "two words"';
  assert.deepEqual(chooseCommandLine(running, undefined), {
    text: 'root=LABEL="my root" dyndbg="file x.c +p" ro -- "two words"',
  });
});

Deno.test("files that were replaced have another stamp", async () => {
  const files = { kernel: { path: "/k", sizeBytes: 1 }, initramfs: [{ path: "/i", sizeBytes: 1 }] };
  const system = createMemorySystem({ commands: [(argv) => argv.slice(-3).join(" ")] });
  assert.equal(await readStamp(system, files), "-- /k /i");
  assert.equal(await readStamp(system, undefined), "");
});
