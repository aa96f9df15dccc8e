/**
 * setup-server, undo-setup, init and doctor on the real terminal, but on a made-up Debian 13 with LUKS and LVM; for transcripts.
 *
 *     deno run --allow-read --allow-env tests/support/host_commands.ts COMMAND [--yes] [--dry-run] [--diff] [--user] [--check]
 *
 * --user: as somebody else than root. --check: says after a stop whether undo-setup gives the system back. setup-undo runs the two after
 * each other, and says whether the system is as before. init-again runs init for the first time, once more, and when somebody has given
 * the configuration a password.
 */

import { doctor } from "../../lib/cli/commands/doctor.ts";
import { init } from "../../lib/cli/commands/init.ts";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { undoSetup } from "../../lib/cli/commands/undo_setup.ts";
import { reportError } from "../../lib/cli/report_error.ts";
import { createTerminalUi } from "../../lib/cli/terminal_ui.ts";
import { separateInitramfs, separateKernel } from "../../lib/initramfs/generator.ts";
import type { Ui } from "../../lib/ui.ts";
import type { CommandScript, MemorySystem } from "./memory_system.ts";
import { snapshot } from "./host_rig.ts";
import { createInstalledSystem, installedSystems } from "./installed_systems.ts";
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

const lsblk = await Deno.readTextFile(`${projectRoot}tests/fixtures/lsblk/luks-lvm.json`);
const isUser = Deno.args.includes("--user");
let uid = isUser ? 1000 : 0;
const program: CommandScript = async (argv) => {
  if (argv.join(" ") === "id -u") return `${uid}\n`;
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

const debian = installedSystems.find((installed) => installed.name === "debian-13-initramfs-tools");
if (debian === undefined) throw new Error("The fixture is gone");
const key = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const [command, ...flags] = Deno.args;
const attach = command === "setup-server-long"
  ? Array.from({ length: 60 }, (_, index) => `echo line ${index + 1}\n`).join("")
  : "echo attach\n";
const system: MemorySystem = await createInstalledSystem(debian, {
  files: {
    "/home/me/config.yaml": "modules: [base]\n",
    "/home/me/aes-key": key,
    "/home/me/build/kernel": "kernel\0".repeat(1000),
    "/home/me/build/initrd": Uint8Array.from([...new Uint8Array(5000), ...key]),
    "/home/me/build/autokexec-agent": "\0",
    "/home/me/host/generic/usr/lib/stiefelsystem/stiefel-attach": `#!/bin/sh\n${attach}`,
    "/home/me/host/separate-initramfs/usr/lib/stiefelsystem/stiefel-initramfs": "#!/bin/sh\necho build\n",
    "/home/me/host/initramfs-tools/usr/lib/stiefelsystem/initramfs-tools/hooks/stiefelsystem": "#!/bin/sh\necho hook\n",
    "/home/me/host/initramfs-post-update/etc/initramfs/post-update.d/stiefelsystem": "#!/bin/sh\necho again\n",
    // Somebody has had a rule of their own.
    "/etc/NetworkManager/conf.d/90-stiefelsystem.conf":
      "[device-stiefelsystem]\nmatch-device=interface-name:stiefel0\nmanaged=1\n",
    "/usr/sbin/nbd-client": "libnl-genl-3.so.200\0",
    "/usr/lib/modules/6.12.30-amd64/modules.dep": "kernel/drivers/block/nbd.ko.xz:\n",
  },
  commands: [program],
});
await system.chmod("/home/me/aes-key", 0o600);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());
const ui = createTerminalUi({ assumeYes: flags.includes("--yes"), signal: stop.signal });
const dryRun = flags.includes("--dry-run");
const withDiffs = flags.includes("--diff");
const common = { configPath: "/home/me/config.yaml", keyPath: "/home/me/aes-key", buildDirectory: "/home/me/build" };
const agentPath = "/usr/lib/stiefelsystem/autokexec-agent";
const setup = {
  ...common,
  hostFilesDirectory: "/home/me/host",
  autokexec: {
    files: [{ source: "/home/me/build/autokexec-agent", path: agentPath, mode: 0o755 }],
    command: [agentPath],
  },
};
const before = snapshot(system);

/** Whether undo-setup gives the system back from where the command has ended. */
async function checkUndo(): Promise<void> {
  await undoSetup(system, createQuietUi());
  console.error(JSON.stringify(snapshot(system)) === JSON.stringify(before) ? "UNDONE" : "NOT UNDONE");
}

function createQuietUi(): Ui {
  const progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
  const quiet = { result: () => {}, say: () => {}, warn: () => {}, progress: () => progress };
  return { ...ui, ...quiet, ask: () => Promise.resolve("yes"), confirm: () => Promise.resolve(true) };
}

try {
  if (command === "doctor") await doctor(system, ui, common);
  if (command === "init") await init(system, ui, { configPath: "/home/me/config.yaml", dryRun });
  if (command === "init-again") {
    await init(system, ui, common);
    await init(system, ui, common);
    await system.writeFile(
      common.configPath,
      `${await system.readText(common.configPath)}initrd: {password: hunter2}\n`,
    );
    await init(system, ui, common);
    ui.result([...system.files.keys()].filter((path) => path.startsWith(common.configPath)).toSorted().join("\n"));
  }
  if (command === "setup-server" || command === "setup-server-long") {
    await setupServer(system, ui, { ...setup, dryRun, withDiffs });
  }
  if (command === "undo-setup") {
    // It was set up before, unseen, by root.
    uid = 0;
    await setupServer(system, createQuietUi(), setup);
    uid = isUser ? 1000 : 0;
    await undoSetup(system, ui, { dryRun, withDiffs });
  }
  if (command === "setup-foreign") {
    // It was set up before; since then somebody has changed two of its files, and another is gone.
    await setupServer(system, createQuietUi(), setup);
    await system.writeFile("/etc/NetworkManager/conf.d/90-stiefelsystem.conf", "mine\n");
    await system.writeFile("/etc/systemd/network/10-stiefelsystem.network", "mine, too\n");
    await system.remove("/etc/stiefelsystem/config.yaml");
    await setupServer(system, ui, setup);
  }
  if (command === "setup-undo") {
    await setupServer(system, ui, setup);
    await undoSetup(system, ui);
    ui.result(JSON.stringify(snapshot(system)) === JSON.stringify(before) ? "as before" : "not as before");
  }
} catch (error) {
  const { lines, exitCode } = reportError(error);
  console.error(lines.join("\n"));
  Deno.exitCode = exitCode;
  if (flags.includes("--check")) await checkUndo();
}
// The signal listener would keep it going.
Deno.exit();
