/**
 * What each command and each agent may do: the one table of Deno's permissions. Data.
 *
 * The launcher's part is written from it (`deno task grants` makes lib/grants.sh); `deno compile`, the units and the
 * image's launcher take theirs from here. tests/grants_test.ts compares it with what the sources start, in both
 * directions.
 *
 * A program that is started is outside Deno's sandbox, so each is named, and an agent gets neither a shell nor Deno
 * itself. The kernel's own files (/proc, /sys) are refused to Deno whatever is granted; `cat`, `ip` and `lsblk` read
 * them.
 */
import { transportNeeds } from "./export/needs.ts";
import { allDesktopPrograms, otherLibraryPlaces } from "./export/desktop_programs.ts";
import { snapshotNeeds } from "./export/snapshot/needs.ts";
import { HANDOVER_DIRECTORY, JOIN_DIRECTORY } from "./formats/handover.ts";
import { NETBOOT_DIRECTORY } from "./formats/public_initrd.ts";
import type { Role } from "./formats/kernel_command_line.ts";

export interface Grants {
  /** Programs by name: those that PATH finds when Deno starts; see `installable`. */
  readonly run: readonly string[];
  readonly read: readonly string[] | "all";
  readonly write: readonly string[] | "all";
  /** Environment variables. All others read as unset, so that no library fails because it looks for one. */
  readonly env: readonly string[];
  /** Agents speak to the neighbours of any link, whose addresses are not known before. */
  readonly net: "all" | "none";
}

// ---- agents
// ----------------------------------------------------------------------------------------------------------

/** Kernel facts: lib/system/facts.ts. `ip` also raises links and gives them addresses. */
const sharedPrograms: readonly string[] = ["cat", "ip"];

const agent = {
  read: ["/etc/stiefelsystem", "/run/stiefelsystem"],
  write: ["/run/stiefelsystem"],
  // Whether the terminal can redraw a line.
  env: ["TERM"],
  net: "all",
} as const;

/** What a desktop is: agents/client/desktop_facts.ts */
const desktopFactPrograms: readonly string[] = ["dmesg", "grep"];

/** A client on a desktop's own Linux: agents/client/own_system.ts, lib/restart/, agents/shared/raise_cards.ts. */
const ownSystem = {
  read: ["/run/systemd/system", ...Object.values(otherLibraryPlaces).flat()],
  run: ["busctl", "id", "sysctl", "systemctl"],
} as const;

/** Those of the image. */
export const agentGrants: Readonly<Record<Role, Grants>> = {
  client: {
    ...agent,
    // what it takes along for the desktop: agents/client/exchange.ts
    read: [...agent.read, ...Object.values(allDesktopPrograms), ...ownSystem.read],
    run: [
      ...sharedPrograms,
      ...desktopFactPrograms,
      "kexec",
      // whether large packets get through: agents/client/packet_size.ts
      "ping",
      "sync",
      // an address, for a laptop that is named: agents/shared/dhcp_client.ts
      "udhcpc",
      // a second boot: the stick's own partition is written and read back, and the desktop restarts
      // (lib/second_boot/use_place.ts, agents/client/second_boot.ts)
      "blockdev",
      "cmp",
      "dd",
      "lsblk",
      "reboot",
      ...ownSystem.run,
    ],
  },
  server: {
    ...agent,
    // kernel and initramfs that were handed over go when they are out of date: agents/server/handed_over.ts
    write: [...agent.write, HANDOVER_DIRECTORY],
    // boot loaders for desktops without a stick: agents/server/netboot/
    read: [...agent.read, NETBOOT_DIRECTORY],
    run: [
      ...sharedPrograms,
      // what is on the disk: lib/disk/inspect_disk.ts, lib/boot/boot_partition.ts
      "blkid",
      "cryptsetup",
      "lsblk",
      "lvm",
      "mount",
      "od",
      "rmdir",
      "umount",
      // desktops without a stick: agents/server/netboot/
      "dd",
      "dnsmasq",
      "sha256sum",
      // also for addresses that are listened on: agents/shared/dhcp_client.ts
      "udhcpc",
      // the battery: agents/server/watch_battery.ts
      "ls",
      // firmware that a card misses: agents/shared/missing_firmware.ts
      "dmesg",
      // the export: lib/export/
      ...new Set([...transportNeeds.flatMap(({ server }) => server.programs), "sync"]),
      ...snapshotNeeds.programs,
      // the end: agents/server/server.ts
      "poweroff",
      "reboot",
    ],
  },
};

/** The one on the laptop's own system. */
export const autokexecGrants: Grants = {
  ...agent,
  read: [...agent.read, JOIN_DIRECTORY],
  write: [JOIN_DIRECTORY],
  run: [
    ...sharedPrograms,
    // the restart: lib/restart/
    "busctl",
    "dd",
    "kexec",
    "lsblk",
    "stat",
    "systemctl",
    // a card that is raised heeds no routers: agents/shared/raise_cards.ts
    "sysctl",
    // telling people: agents/autokexec/announce.ts
    "loginctl",
    "runuser",
    "wall",
  ],
};

// ---- commands
// --------------------------------------------------------------------------------------------------------

export const commandNames = [
  "init",
  "create-initrd",
  "setup-server",
  "undo-setup",
  "doctor",
  "boot-entry",
  "serve-now",
  "status",
  "release",
  "client",
  "setup-client-usbdrive",
  "key",
  "demo",
  "test-qemu",
  "test-nspawn",
  "bench",
] as const;

export type CommandName = typeof commandNames[number];

/** What the terminal can do and shall show; where the user's files are, and whether the user has typed sudo. */
const talkVariables: readonly string[] = ["TERM", "NO_COLOR", "PAGER", "HOME", "XDG_CACHE_HOME", "SUDO_UID"];

/** What a Deno that we start needs: where its cache and runtime are, and how it reaches its download host. */
export const denoVariables: readonly string[] = [
  "HOME",
  "DENO_DIR",
  "DENORT_BIN",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NPM_CONFIG_REGISTRY",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
];

/** Of a user's desktop session: where its display and its message bus are. */
export const sessionVariables: readonly string[] = [
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "XAUTHORITY",
  "XDG_RUNTIME_DIR",
  "XDG_CURRENT_DESKTOP",
  "DBUS_SESSION_BUS_ADDRESS",
];

/** What `--help`, `--version` and a wrong command get. */
export const talkGrants: Grants = {
  run: [],
  // Its own parts are loaded, and the configuration may lie anywhere.
  read: "all",
  write: [],
  env: talkVariables,
  net: "none",
};

/** Missing Debian packages: lib/debian/offer_packages.ts. */
const packagePrograms: readonly string[] = ["apt-get", "id", "sudo"];

/** lib/image: Debian's packages, compilers of drivers, compressors of every configuration, and Deno for the agents. */
const imagePrograms: readonly string[] = [
  ...packagePrograms,
  ...["mmdebstrap", "tar", "bsdtar", "cat", "cp", "find", "install", "touch"],
  ...["depmod", "modinfo"],
  ...["bzip2", "gzip", "lz4", "pigz", "xz", "zstd"],
  ...["curl", "git"],
  ...["deno", "openssl", "timeout"],
  // what holds mounts and programs of a build together: lib/image/stages/base.ts
  ...["rm", "setpriv", "umount", "unshare"],
  // what is looked at before the work: lib/image/check_before_build.ts
  "df",
];

/** lib/qemu: the demo disk, machines, their consoles and cables. */
const machinePrograms: readonly string[] = [
  ...imagePrograms,
  ...["qemu-system-x86_64", "mkfifo", "tee"],
  ...["dd", "debugfs", "mkdir", "mkfs.ext4", "mv", "sfdisk", "truncate"],
];

/** For a plan that is longer than the terminal: lib/cli/terminal_pager.ts. */
const pagers: readonly string[] = ["less", "more", "most", "pager"];

/** lib/host: what a system is, and what of it is changed. */
const hostPrograms: readonly string[] = ["cat", "chroot", "cp", "findmnt", "id", "networkctl", "nmcli", "systemctl"];

/** Files may be named anywhere on the command line and in the configuration, and a system may be mounted anywhere. */
const files = { read: "all", write: "all" } as const;
const build = { ...files, env: [...new Set([...talkVariables, "PATH", ...denoVariables])], net: "none" } as const;
const talk = { env: talkVariables, net: "none" } as const;

export const commandGrants: Readonly<Record<CommandName, Grants>> = {
  "init": { ...files, ...talk, run: ["cat", "cp", "findmnt", "lsblk", "systemctl", "udevadm"] },
  "create-initrd": { ...build, run: imagePrograms },
  "setup-server": { ...files, ...talk, run: [...hostPrograms, ...pagers, "update-initramfs"] },
  "undo-setup": { ...files, ...talk, run: [...hostPrograms, ...pagers, "update-initramfs"] },
  "doctor": {
    ...talk,
    read: "all",
    write: [],
    run: [
      ...["cat", "findmnt", "ip", "ls", "lsblk", "od", "systemctl", "udevadm"],
      ...["apt-cache", "cryptsetup", "mokutil", "nft"],
    ],
  },
  "serve-now": {
    ...talk,
    read: "all",
    write: [JOIN_DIRECTORY],
    run: ["busctl", "cat", "dd", "id", "kexec", "lsblk", "mount", "stat", "systemctl", "umount"],
  },
  // The laptop's address is made for each session.
  "status": {
    env: [...talkVariables, ...sessionVariables],
    net: "all",
    read: "all",
    write: [],
    run: ["grep", "xdg-open"],
  },
  "release": { ...talk, net: "all", read: "all", write: [], run: ["busctl", "systemctl"] },
  // What agents/client does in the image, but for the jump: the shutdown of this system leads into the kernel.
  "client": {
    env: talkVariables,
    net: "all",
    read: "all",
    write: agent.write,
    run: [...sharedPrograms, ...desktopFactPrograms, "kexec", "ping", ...ownSystem.run, "apt-get", "sudo"],
  },
  // Deno opens no device files: dd reads and writes, flock holds the device, wipefs opens it alone (lib/media).
  "setup-client-usbdrive": { ...files, ...talk, run: ["cat", "dd", "flock", "id", "lsblk", "stat", "sync", "wipefs"] },
  "key": { ...files, ...talk, run: [] },
  // It shows what a disk says, which is not to be trusted.
  "boot-entry": { ...talk, read: "all", write: [], run: [] },
  "demo": { ...build, run: machinePrograms },
  "test-qemu": { ...build, run: machinePrograms },
  "test-nspawn": { ...build, run: [...machinePrograms, "ip", "losetup", "lsblk", "systemd-nspawn"] },
  "bench": { ...build, run: [...machinePrograms, "ip"] },
};

/**
 * Where Debian's packages put what a command offers to install (lib/debian/offer_packages.ts): Deno looks names up when
 * it starts, and one that is not there yet would not be granted.
 */
const installable: ReadonlyMap<string, string> = new Map([
  ...["bsdtar", "curl", "git", "mmdebstrap", "qemu-system-x86_64", "systemd-nspawn", "tar", "xz", "zstd"]
    .map((name) => [name, `/usr/bin/${name}`] as const),
  ...["debugfs", "depmod", "ip", "losetup", "mkfs.ext4", "modinfo", "sfdisk"]
    .map((name) => [name, `/usr/sbin/${name}`] as const),
  ["lsblk", "/usr/bin/lsblk"],
]);

// ---- flags
// -----------------------------------------------------------------------------------------------------------

/** The permission flags of an agent. Nothing is ever asked for on the console. */
export function formatGrants(grants: Grants): string[] {
  return [
    "--no-prompt",
    ...formatPermissions(grants),
    // Datagrams to multicast groups.
    "--unstable-net",
  ];
}

/** The permission flags of a command. */
export function formatCommandGrants(grants: Grants): string[] {
  const run = grants.run.flatMap((name) => [name, installable.get(name) ?? []].flat());
  // Whether "sudo" belongs into a hint.
  const datagrams = grants.net === "all" ? ["--unstable-net"] : [];
  return ["--no-prompt", ...formatPermissions({ ...grants, run }), "--allow-sys=uid", ...datagrams];
}

function formatPermissions(grants: Grants): string[] {
  const list = (flag: string, values: readonly string[] | "all"): string[] =>
    values === "all" ? [flag] : values.length === 0 ? [] : [`${flag}=${values.join(",")}`];
  return [
    ...list("--allow-net", grants.net === "all" ? "all" : []),
    ...list("--allow-run", grants.run),
    ...list("--allow-read", grants.read),
    ...list("--allow-write", grants.write),
    ...list("--allow-env", grants.env),
    "--ignore-env",
  ];
}

/**
 * How the agent on the laptop runs. It sits there all day for a few datagrams: an interpreter without a compiler does,
 * and takes 2 to 5 MB less memory (49 to 52 MB resident, seen with Deno 2.9.6 on x86-64).
 */
export const autokexecFlags: readonly string[] = [...formatGrants(autokexecGrants), "--v8-flags=--jitless"];

/**
 * The launcher's part of the table: shell that sets `flags` for the command "$1". Pure. For tests, and for the task
 * that writes lib/grants.sh.
 * @param deno what lib/deno_version.ts says; @param path the order in which programs are looked for
 */
export function formatLauncherGrants(
  deno: { readonly oldest: { readonly major: number; readonly minor: number }; readonly pinned: string },
  path: string,
): string {
  const set = (grants: Grants): string => `flags="${formatCommandGrants(grants).join(" ")}"`;
  return [
    "# shellcheck shell=sh disable=SC2034",
    '# Written by "deno task grants" from lib/grants.ts, and read by the launcher: what the command "$1" may do.',
    `oldest_major=${deno.oldest.major} oldest_minor=${deno.oldest.minor} pinned=${deno.pinned}`,
    `standard_path=${path}`,
    "case ${1-} in",
    ...commandNames.map((name) => `${name}) ${set(commandGrants[name])} ;;`),
    `*) ${set(talkGrants)} ;;`,
    "esac",
    "",
  ].join("\n");
}
