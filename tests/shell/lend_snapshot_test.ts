/**
 * lend-snapshot of the image under dash and busybox ash, with stubs in place of the kernel's tools. Whole machines use
 * the real ones (tests/long/try_mode_test.ts).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runProgram, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/lend-snapshot", import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Programs with their arguments, the directory of the stores left out. */
  readonly calls: readonly string[];
  /** What is left in the directory of the stores. */
  readonly left: readonly string[];
}

/** @param fails of these programs the first call that has this word fails */
async function run(shell: readonly string[], args: readonly string[], fails = "none"): Promise<Ran> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-snapshot-" });
  try {
    const record = `#!/bin/sh\nprintf '%s\\n' "\${0##*/} $*" >>${directory}/calls\n` +
      `case "\${0##*/} $*" in *"${fails}"*) exit 1 ;; esac\n`;
    const stubs: Readonly<Record<string, string>> = {
      modprobe: "",
      mount: "",
      umount: "",
      truncate: "",
      blockdev: "echo 4096",
      losetup: `case "$*" in *--read-only*) echo /dev/loop7 ;; *--show*) echo /dev/loop8 ;; esac`,
      dmsetup: `case $1 in info) [ ! -e ${directory}/absent ] ;; esac`,
    };
    for (const [name, text] of Object.entries(stubs)) {
      await Deno.writeTextFile(`${directory}/${name}`, `${record}${text}\n`, { mode: 0o755 });
    }
    if (fails === "absent") await Deno.writeTextFile(`${directory}/absent`, "");
    const place = `${directory}/snapshots`;
    const text = (await Deno.readTextFile(script)).replace("place=/run/stiefelsystem/snapshots", `place=${place}`);
    await Deno.writeTextFile(`${directory}/lend-snapshot`, text);
    const env = { PATH: `${directory}:/usr/bin:/bin` };
    const result = await runProgram([...shell, `${directory}/lend-snapshot`, ...args], { env });
    const calls = await Deno.readTextFile(`${directory}/calls`).catch(() => "");
    const left = await Array.fromAsync(Deno.readDir(place), ({ name }) => name).catch(() => []);
    return { ...result, calls: calls.replaceAll(place, "PLACE").split("\n").slice(0, -1), left };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const make = ["make", "stiefel-try-1", "/dev/sda", "512", "67108864"] as const;

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  Deno.test(`a snapshot is made over a disk that is opened for reading only, and all else goes with it${under}`, async () => {
    const { code, stderr, calls, left } = await run(shell, make);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(calls, [
      "modprobe -a loop dm_snapshot",
      "mount -t tmpfs -o size=67108864,mode=0700,nosuid,nodev,noexec stiefel-store PLACE/stiefel-try-1",
      "truncate -s 67108864 PLACE/stiefel-try-1/store",
      "losetup --find --show --sector-size 512 PLACE/stiefel-try-1/store",
      "losetup --find --show --read-only --sector-size 512 --direct-io=on /dev/sda",
      "blockdev --getsz /dev/loop7",
      "dmsetup create stiefel-try-1 --table 0 4096 snapshot /dev/loop7 /dev/loop8 N 8",
      // They go when the snapshot does (loop(4), LO_FLAGS_AUTOCLEAR; umount(2), MNT_DETACH).
      "losetup -d /dev/loop7",
      "losetup -d /dev/loop8",
      "umount -l PLACE/stiefel-try-1",
    ]);
    assert.deepEqual(left, []);
  });

  for (
    const [fails, says, undone] of [
      ["modprobe", "The kernel module dm-snapshot cannot be loaded", []],
      ["tmpfs", "There is no place for a store", ["umount -l PLACE/stiefel-try-1"]],
      ["--read-only", '"/dev/sda" cannot be opened for reading', [
        "losetup -d /dev/loop8",
        "umount -l PLACE/stiefel-try-1",
      ]],
      ["create", 'The kernel makes no snapshot of "/dev/sda"', [
        "losetup -d /dev/loop7",
        "losetup -d /dev/loop8",
        "umount -l PLACE/stiefel-try-1",
      ]],
    ] as const
  ) {
    Deno.test(`what was begun and failed is undone: ${says}${under}`, async () => {
      const { code, stderr, calls, left } = await run(shell, make, fails);
      assert.deepEqual([code, stderr, left], [1, `${says}\n`, []]);
      assert.deepEqual(calls.filter((call) => /^(?:losetup -d|umount)/.test(call)), undone);
    });
  }

  Deno.test(`a snapshot is removed; one that is not there is no error; other words are refused${under}`, async () => {
    assert.deepEqual((await run(shell, ["remove", "stiefel-try-1"])).calls, [
      "dmsetup info stiefel-try-1",
      "dmsetup remove --retry stiefel-try-1",
    ]);
    const absent = await run(shell, ["remove", "stiefel-try-1"], "absent");
    assert.deepEqual([absent.code, absent.calls], [0, ["dmsetup info stiefel-try-1"]]);
    assert.equal((await run(shell, ["remove", "stiefel-try-1"], "dmsetup remove")).code, 1);
    for (const wrong of [[], ["make", "a"], ["lend", "a"], ["remove"]]) {
      const { code, calls } = await run(shell, wrong);
      assert.deepEqual([code, calls], [2, []]);
    }
  });
}
