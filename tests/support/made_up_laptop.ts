/** A made-up Debian 13 with LUKS and LVM, in memory: what setup-server, undo-setup, init and doctor are tried on. */

import type { SetupServerOptions } from "../../lib/cli/commands/setup_server.ts";
import { separateInitramfs, separateKernel } from "../../lib/initramfs/generator.ts";
import { createInstalledSystem, installedSystems } from "./installed_systems.ts";
import type { CommandScript, MemorySystem } from "./memory_system.ts";
import { projectRoot } from "./source_tree.ts";

const answers: Readonly<Record<string, string | number>> = {
  "systemctl is-enabled stiefel-autokexec.service": 1,
  "ip -json address show":
    '[{"ifindex":2,"ifname":"enp0s31f6","flags":["UP","LOWER_UP"],"mtu":1500,"address":"54:e1:ad:00:00:01","addr_info":[]}]',
  "cat /sys/class/net/enp0s31f6/device/uevent": "DRIVER=e1000e\n",
  "cat /sys/class/net/enp0s31f6/speed": "1000\n",
  "cat /sys/kernel/kexec_loaded": "0\n",
  "cat /proc/sys/kernel/kexec_load_disabled": "0\n",
  "cat /proc/sys/net/ipv6/conf/all/disable_ipv6": "0\n",
  "cat /sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
  "mokutil --sb-state": "SecureBoot enabled\n",
  "ls /sys/class/power_supply": "AC\nBAT0\n",
  "cat /sys/class/power_supply/BAT0/type": "Battery\n",
  "cat /sys/class/power_supply/BAT0/capacity": "64\n",
  "cat /sys/class/power_supply/BAT0/status": "Discharging\n",
  "udevadm info --query=symlink --root --name=/dev/nvme0n1":
    "/dev/disk/by-diskseq/1 /dev/disk/by-id/nvme-SAMSUNG_MZVLB512HBJQ-000L7_S4ENNX0N123456 /dev/disk/by-id/nvme-eui.002538\n",
  "cryptsetup luksDump --dump-json-metadata /dev/nvme0n1p2":
    '{"keyslots":{"0":{}},"tokens":{"0":{"type":"systemd-tpm2","keyslots":["0"]}}}',
};

const debian = installedSystems.find((installed) => installed.name === "debian-13-initramfs-tools");
if (debian === undefined) throw new Error("The fixture is gone");
const installed = debian;
const key = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const agentPath = "/usr/lib/stiefelsystem/autokexec-agent";

export interface MadeUpLaptop {
  readonly system: MemorySystem;
  readonly setup: SetupServerOptions;
  /** Who runs the commands; root at first. */
  uid: number;
}

/** @param hookLines of the script that setup-server installs: a long one does not fit on a terminal */
export async function createMadeUpLaptop({ hookLines = 0 } = {}): Promise<MadeUpLaptop> {
  const lsblk = await Deno.readTextFile(`${projectRoot}tests/fixtures/lsblk/luks-lvm.json`);
  const attach = hookLines > 0
    ? Array.from({ length: hookLines }, (_, index) => `echo line ${index + 1}\n`).join("")
    : "echo attach\n";
  const program: CommandScript = async (argv) => {
    if (argv.join(" ") === "id -u") return `${laptop.uid}\n`;
    if (argv[2] === "/usr/lib/stiefelsystem/stiefel-initramfs") {
      await system.writeFile(separateKernel, "kernel");
      await system.writeFile(separateInitramfs, "initramfs");
      return "";
    }
    const answer = answers[argv.join(" ")];
    if (answer !== undefined) return answer;
    if (argv[0] === "lsblk") return lsblk;
    if (argv[0] === "cat" && argv[1] !== "/proc/cmdline") return 1;
    return ["systemctl", "nmcli"].includes(argv[0] ?? "") && argv[1] !== "is-active" ? "" : undefined;
  };
  const system: MemorySystem = await createInstalledSystem(installed, {
    files: {
      "/home/me/config.yaml": "modules: [base]\n",
      "/home/me/aes-key": key,
      "/home/me/build/kernel": "kernel\0".repeat(1000),
      "/home/me/build/initrd": Uint8Array.from([...new Uint8Array(5000), ...key]),
      "/home/me/build/autokexec-agent": "\0",
      "/home/me/host/generic/usr/lib/stiefelsystem/stiefel-attach": `#!/bin/sh\n${attach}`,
      "/home/me/host/separate-initramfs/usr/lib/stiefelsystem/stiefel-initramfs": "#!/bin/sh\necho build\n",
      "/home/me/host/initramfs-tools/usr/lib/stiefelsystem/initramfs-tools/hooks/stiefelsystem":
        "#!/bin/sh\necho hook\n",
      "/home/me/host/initramfs-post-update/etc/initramfs/post-update.d/stiefelsystem": "#!/bin/sh\necho again\n",
      // The user has written a rule.
      "/etc/NetworkManager/conf.d/90-stiefelsystem.conf":
        "[device-stiefelsystem]\nmatch-device=interface-name:stiefel0\nmanaged=1\n",
      "/usr/sbin/nbd-client": "libnl-genl-3.so.200\0",
      "/usr/lib/modules/6.12.30-amd64/modules.dep":
        "kernel/drivers/block/nbd.ko.xz:\nkernel/drivers/net/wireguard/wireguard.ko.xz:\n",
    },
    commands: [program],
  });
  await system.chmod("/home/me/aes-key", 0o600);
  const laptop: MadeUpLaptop = {
    system,
    setup: {
      configPath: "/home/me/config.yaml",
      keyPath: "/home/me/aes-key",
      buildDirectory: "/home/me/build",
      hostFilesDirectory: "/home/me/host",
      autokexec: {
        files: [{ source: "/home/me/build/autokexec-agent", path: agentPath, mode: 0o755 }],
        command: [agentPath],
      },
    },
    uid: 0,
  };
  return laptop;
}
