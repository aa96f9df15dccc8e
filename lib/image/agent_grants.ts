/**
 * What each agent may do: the one list of Deno permissions, used for `deno compile` and for `deno run` alike. Data.
 *
 * A program that is started is outside Deno's sandbox, so only named programs may be, and never a shell or Deno itself. The kernel's
 * own files (/proc, /sys) are refused to Deno whatever is granted; `cat`, `ip` and `lsblk` read them.
 */
import type { Role } from "../protocol/kernel_command_line.ts";

export interface AgentGrants {
  readonly run: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Kernel facts: lib/system/facts.ts. `ip` also raises links and gives them addresses. */
const sharedPrograms: readonly string[] = ["cat", "ip"];

/** Those of the image. */
export const agentGrants: Readonly<Record<Role, AgentGrants>> = {
  client: {
    run: [...sharedPrograms, "kexec", "sync"],
    read: ["/etc/stiefelsystem", "/run/stiefelsystem"],
    write: ["/run/stiefelsystem"],
  },
  server: {
    run: [
      ...sharedPrograms,
      // what is on the disk: lib/block/inspect_disk.ts, lib/boot/boot_partition.ts
      "blkid",
      "cryptsetup",
      "lsblk",
      "lvm",
      "mount",
      "od",
      "readlink",
      "realpath",
      "rmdir",
      "umount",
      // the battery: agents/server/watch_battery.ts
      "ls",
      // the export: lib/block/nbd_export.ts
      "nbdkit",
      "sync",
      // the export of an agent that has failed: lib/block/adopt_export.ts
      "kill",
      "pidof",
      // the end: agents/server/server.ts
      "poweroff",
      "reboot",
    ],
    read: ["/etc/stiefelsystem", "/run/stiefelsystem"],
    write: ["/run/stiefelsystem"],
  },
};

/** The one on the laptop's own system. */
export const autokexecGrants: AgentGrants = {
  run: [
    ...sharedPrograms,
    // the restart: agents/autokexec/restart.ts
    "busctl",
    "kexec",
    "stat",
    "systemctl",
    // a card that is raised heeds no routers: agents/autokexec/raise_cards.ts
    "sysctl",
    // telling people: agents/autokexec/announce.ts
    "loginctl",
    "runuser",
    "wall",
  ],
  read: ["/etc/stiefelsystem", "/run/stiefelsystem"],
  write: [],
};

/** The permission flags of an agent. Nothing is ever asked for on the console. */
export function formatGrants(grants: AgentGrants): string[] {
  return [
    "--no-prompt",
    // Discovery speaks to any link's neighbours, and addresses are not known before.
    "--allow-net",
    `--allow-run=${grants.run.join(",")}`,
    `--allow-read=${grants.read.join(",")}`,
    ...grants.write.length > 0 ? [`--allow-write=${grants.write.join(",")}`] : [],
    // Whether the terminal can redraw a line.
    "--allow-env=TERM",
    // Datagrams to multicast groups.
    "--unstable-net",
  ];
}

/**
 * How the agent on the laptop runs. It sits there all day for a few datagrams: an interpreter without a compiler does, and takes 2 to 5 MB less
 * memory (49 to 52 MB resident, seen with Deno 2.9.6 on x86-64).
 */
export const autokexecFlags: readonly string[] = [...formatGrants(autokexecGrants), "--v8-flags=--jitless"];
