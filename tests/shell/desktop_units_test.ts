/**
 * L3: what the laptop's system starts by itself on a desktop touches no disk of the desktop. Under dash and busybox
 * ash.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Machine, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const generic = fileURLToPath(new URL("../../image/host/generic/usr/lib/", import.meta.url));
const sessionState = "/run/stiefelsystem/session.state";

/** lsblk(8) of a desktop: the attached disk, and one of its own. What is not there it does not list. */
const lsblk = `case \${*##* } in
/dev/nbd0p*) printf 'nbd0p3 part\\nnbd0 disk\\n' ;;
/dev/disk/by-uuid/laptop | /dev/disk/by-label/swap | /dev/disk/by-id/nvme-Laptop-part3) printf 'nbd0p3 part\\nnbd0 disk\\n' ;;
/dev/mapper/laptop-*) printf 'laptop-x lvm\\nnbd0p2 part\\nnbd0 disk\\n' ;;
/dev/nvme0n1p3 | /dev/disk/by-uuid/desktop | /dev/disk/by-label/data) printf 'nvme0n1p3 part\\nnvme0n1 disk\\n' ;;
*) exit 32 ;;
esac`;

async function makeDesktop(): Promise<Machine> {
  const machine = await makeMachine({ programs: { lsblk } });
  machine.write(sessionState, "STIEFEL_VERSION=1\nSTIEFEL_DISK=/dev/nbd0\n");
  return machine;
}

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;
  const ask = (machine: Machine, kind: string, device: string): Promise<ProgramResult> =>
    machine.run([...shell, `${generic}stiefelsystem/stiefel-disk`, kind, device, machine.root]);

  Deno.test(`L3: no mapping is made over a partition of the desktop${under}`, async () => {
    await using machine = await makeDesktop();
    machine.write(
      "/etc/crypttab",
      [
        "# name device key options",
        "cryptswap /dev/nvme0n1p3 /dev/urandom swap",
        "scratch /dev/nvme0n1p3 none tmp=ext4",
        "scratch2 /dev/nvme0n1p3 none luks,tmp",
        "labelled LABEL=data /dev/random swap",
        "random UUID=desktop /dev/urandom plain",
        "absent /dev/sdz9 /dev/urandom swap",
        "locked /dev/nvme0n1p3 none luks",
        "own-swap LABEL=swap /dev/urandom swap",
        "own-id /dev/disk/by-id/nvme-Laptop-part3 /dev/urandom swap",
        'home UUID="laptop" none luks',
        "lent UUID=desktop none luks,nofail",
      ].join("\n"),
    );
    for (const name of ["cryptswap", "scratch", "scratch2", "labelled", "random", "absent", "locked"]) {
      const { code, stderr } = await ask(machine, "mapping", name);
      assert.equal(code, 1, name);
      assert.match(stderr, /is not on the laptop's disk, and is left alone on this desktop/, name);
    }
    for (const name of ["own-swap", "own-id", "home", "lent", "not-in-crypttab"]) {
      assert.deepEqual(await ask(machine, "mapping", name), { code: 0, stdout: "", stderr: "" }, name);
    }
    Deno.removeSync(`${machine.root}${sessionState}`);
    assert.equal((await ask(machine, "mapping", "cryptswap")).code, 0, "the laptop itself");
  });

  Deno.test(`L3: no file system or swap is made, and none is repaired, on a disk of the desktop${under}`, async () => {
    await using machine = await makeDesktop();
    for (const device of ["/dev/nvme0n1p3", "/dev/disk/by-uuid/desktop", "/dev/disk/by-label/data", "/dev/sdz9"]) {
      assert.equal((await ask(machine, "attached", device)).code, 1, device);
    }
    for (const device of ["/dev/nbd0p3", "/dev/mapper/laptop-scratch", "/dev/disk/by-label/swap"]) {
      assert.equal((await ask(machine, "attached", device)).code, 0, device);
    }
    assert.equal((await ask(machine, "named", "/dev/nvme0n1p3")).code, 1);
    // The user has named it on purpose.
    assert.equal((await ask(machine, "named", "/dev/disk/by-uuid/desktop")).code, 0);
    assert.equal((await ask(machine, "odd", "/dev/nbd0")).code, 1);
  });

  const generate = async (
    { fstab = "", crypttab = "", record = "", isDesktop = true }: {
      readonly fstab?: string;
      readonly crypttab?: string;
      readonly record?: string;
      readonly isDesktop?: boolean;
    },
  ): Promise<Readonly<Record<string, string>>> => {
    await using machine = await makeMachine({
      programs: {
        "systemd-escape": `suffix=\${2#--suffix=}; word=\${3#/}
echo "$(echo "$word" | sed 's/ /\\\\x20/g;s,/,-,g').$suffix"`,
      },
    });
    Deno.mkdirSync(`${machine.root}/late`);
    if (isDesktop) machine.write(sessionState, "");
    machine.write("/etc/fstab", fstab);
    machine.write("/etc/crypttab", crypttab);
    if (record !== "") machine.write("/etc/stiefelsystem/laptop", record);
    const late = `${machine.root}/late`;
    const generator = `${generic}systemd/system-generators/stiefelsystem`;
    const result = await machine.run([...shell, generator, "/none", "/none", late, machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    return machine.files("/late");
  };

  Deno.test(`L3: what fstab calls by the name of a disk is not mounted from the desktop's${under}`, async () => {
    const fstab = `# comment /dev/sda9 /nothing ext4
/dev/nvme0n1p2 / ext4 defaults 0 1
UUID=1 /boot ext4 defaults 0 2
/dev/nvme0n1p4 /home ext4 x-systemd.makefs 0 2
/dev/sdb1\t/srv/my\\040files\txfs\tdefaults
/dev/sda3 none swap sw 0 0
LABEL=data /data ext4 defaults 0 2
/dev/mapper/vg-x /x ext4 defaults 0 2`;
    const files = await generate({ fstab });
    assert.deepEqual(Object.keys(files), [
      "/late/home.mount.d/50-stiefelsystem.conf",
      "/late/srv-my\\x20files.mount.d/50-stiefelsystem.conf",
    ]);
    assert.match(
      files["/late/home.mount.d/50-stiefelsystem.conf"] ?? "",
      /^\[Unit\]\nConditionPathExists=!\/run\/stief/m,
    );
    assert.deepEqual(await generate({ fstab, isDesktop: false }), {}, "the laptop itself");
  });

  Deno.test(`L3: the boot does not wait for what crypttab calls by the name of a disk${under}`, async () => {
    const crypttab = "cryptswap /dev/nvme0n1p3 /dev/urandom swap\nhome UUID=1 none luks\n#old /dev/sda3 none luks\n";
    assert.deepEqual(await generate({ crypttab }), {
      "/late/dev-mapper-cryptswap.device.d/50-stiefelsystem.conf": "[Unit]\nJobRunningTimeoutSec=5\n",
      "/late/dev-nvme0n1p3.device.d/50-stiefelsystem.conf": "[Unit]\nJobRunningTimeoutSec=5\n",
    });
    assert.deepEqual(await generate({ crypttab, isDesktop: false }), {});
  });

  Deno.test(`L2: the laptop's EFI system partition is where new kernels go, also where fstab does not name it${under}`, async () => {
    const record = "MODULE=x\nMOUNT=/efi UUID=ABCD-1234 vfat\n";
    const files = await generate({ record, fstab: "UUID=1 / ext4 defaults 0 1\n" });
    assert.deepEqual(Object.keys(files), ["/late/efi.mount", "/late/local-fs.target.wants/efi.mount"]);
    assert.match(files["/late/efi.mount"] ?? "", /^What=\/dev\/disk\/by-uuid\/ABCD-1234\nWhere=\/efi\nType=vfat$/m);
    assert.deepEqual(await generate({ record, fstab: "UUID=ABCD-1234 /efi vfat defaults 0 2\n" }), {});
    assert.deepEqual(await generate({ record, isDesktop: false }), {});
  });
}
