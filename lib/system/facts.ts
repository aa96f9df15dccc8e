/**
 * What the kernel says about this machine.
 *
 * Deno refuses reads under /proc, /sys and most of /dev to a program with scoped grants, so facts come from `cat`, `ip
 * -json` and `lsblk --json`; grant those three with `--allow-run`.
 */

import * as v from "valibot";
import type { System } from "./system.ts";

export interface LinkAddress {
  readonly family: "ipv4" | "ipv6";
  readonly address: string;
  readonly prefixLength: number;
  /** `link` is an IPv6 link-local address, usable only together with the link's name. */
  readonly scope: "global" | "link" | "host";
  /** Duplicate address detection is still going on or has failed: it cannot be bound yet. */
  readonly isTentative: boolean;
}

/** A network interface. */
export interface Link {
  readonly name: string;
  /** Interface index, the IPv6 scope id. */
  readonly index: number;
  /** Lower case, colons; empty where the link has none. */
  readonly mac: string;
  /** Administratively up. */
  readonly isUp: boolean;
  /** A cable with a live other end. */
  readonly hasCarrier: boolean;
  readonly isLoopback: boolean;
  readonly mtu: number;
  /** Name of the link that this one is on, as a VLAN is on a card; absent: it is on none. */
  readonly lower?: string;
  readonly addresses: readonly LinkAddress[];
}

const ipAddressSchema = v.object({
  family: v.string(),
  local: v.optional(v.string()),
  prefixlen: v.number(),
  scope: v.string(),
  tentative: v.optional(v.boolean(), false),
  dadfailed: v.optional(v.boolean(), false),
});
const ipLinkSchema = v.object({
  ifindex: v.number(),
  ifname: v.string(),
  flags: v.array(v.string()),
  mtu: v.number(),
  address: v.optional(v.string(), ""),
  // null: there is none (tunnels)
  link: v.nullish(v.string()),
  addr_info: v.array(v.unknown()),
});

/** All network interfaces with their addresses, in the kernel's order. Runs `ip`. */
export async function listLinks(system: System): Promise<readonly Link[]> {
  const { stdout } = await system.run(["ip", "-json", "address", "show"], { timeoutMs: 10_000 });
  return parseLinks(stdout);
}

/** @param text output of `ip -json address show` (ip-address(8)) */
export function parseLinks(text: string): readonly Link[] {
  // Without -details older iproute2 prints empty objects for filtered links.
  const entries = v.parse(v.array(v.unknown()), JSON.parse(text === "" ? "[]" : text));
  return entries.filter((entry) => v.is(ipLinkSchema, entry)).map((entry) => {
    const link = v.parse(ipLinkSchema, entry);
    return {
      name: link.ifname,
      index: link.ifindex,
      mac: link.address.toLowerCase(),
      isUp: link.flags.includes("UP"),
      hasCarrier: link.flags.includes("LOWER_UP") && !link.flags.includes("NO-CARRIER"),
      isLoopback: link.flags.includes("LOOPBACK"),
      mtu: link.mtu,
      ...typeof link.link === "string" ? { lower: link.link } : {},
      addresses: link.addr_info.filter((info) => v.is(ipAddressSchema, info)).flatMap((info) => {
        const address = v.parse(ipAddressSchema, info);
        if (address.local === undefined) return [];
        return [{
          family: address.family === "inet6" ? "ipv6" : "ipv4",
          address: address.local,
          prefixLength: address.prefixlen,
          scope: address.scope === "link" ? "link" : address.scope === "host" ? "host" : "global",
          isTentative: address.tentative || address.dadfailed,
        }];
      }),
    };
  });
}

/**
 * Calls `onChange` once now, once when changes are heard of, and then after every change of a link or address, changes
 * in quick succession joined into one call. Ends when `signal` does. Runs `ip`, `cat`.
 * @throws {CommandError} when `ip` is not there
 */
export async function watchLinks(
  system: System,
  onChange: (links: readonly Link[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let wake = Promise.withResolvers<void>();
  const look = (): void => wake.resolve();
  await using monitor = system.spawn(["ip", "monitor", "link", "address"], { onLine: look });
  const over = new AbortController();
  const stop = (): void => {
    over.abort();
    look();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  monitor.exited.then(stop);
  // What changed before the monitor listened is never reported.
  const listening = waitForSubscription(system, monitor.pid, over.signal).then(look, look);
  try {
    while (!over.signal.aborted) {
      wake = Promise.withResolvers<void>();
      onChange(await listLinks(system));
      await wake.promise;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    over.abort();
    await listening;
  }
}

/** `ip monitor` says nothing when it is ready; the kernel's list of netlink sockets does. Bounded: 5 s. */
async function waitForSubscription(system: System, pid: number, signal: AbortSignal): Promise<void> {
  // The columns are sk, Eth (0 is NETLINK_ROUTE), Pid and Groups (net/netlink/af_netlink.c, netlink_native_seq_show).
  const subscribed = new RegExp(`^\\S+ +0 +${pid} +(?!0+ )`, "m");
  for (let tries = 0; tries < 100 && !signal.aborted; tries++) {
    // The first time, too: the program has just been started.
    await system.delay(50, signal);
    const { stdout } = await system.run(["cat", "/proc/net/netlink"], { timeoutMs: 5_000 });
    if (subscribed.test(stdout)) return;
  }
}

/**
 * A file of /proc or /sys, which Deno only reads through a program, trimmed; undefined when it is not there. Runs
 * `cat`.
 */
export async function readKernelFile(system: System, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await system.run(["cat", path], { acceptExitCodes: [0, 1], timeoutMs: 5_000 });
  return exitCode === 0 ? stdout.trim() : undefined;
}

export const lockdownPath = "/sys/kernel/security/lockdown";

/**
 * "integrity" or "confidentiality"; undefined where the kernel is not locked down (kernel_lockdown(7)). Runs `cat`.
 */
export async function readLockdown(system: System): Promise<string | undefined> {
  return parseLockdown(await readKernelFile(system, lockdownPath) ?? "");
}

/** @param text "none [integrity] confidentiality" */
export function parseLockdown(text: string): string | undefined {
  const mode = /\[(\w+)\]/.exec(text)?.[1];
  return mode === "none" ? undefined : mode;
}

/** Link speed in Mbit/s, undefined where the driver does not say (no carrier, virtual links). Runs `cat`. */
export async function readLinkSpeed(system: System, linkName: string): Promise<number | undefined> {
  return parseLinkSpeed(await readKernelFile(system, linkSpeedPath(linkName))) ??
    await readThunderboltSpeed(system, linkName);
}

/**
 * Many kernels' thunderbolt-net tells no speed. The other computer on that cable, the parent of the card's device, has
 * that of a lane, as "20.0 Gb/s", and how many there are (Documentation/ABI/testing/sysfs-bus-thunderbolt). Runs `cat`.
 */
async function readThunderboltSpeed(system: System, linkName: string): Promise<number | undefined> {
  const computer = `/sys/class/net/${linkName}/device/..`;
  const [, gigabits] = /^(\d+)\.\d+ Gb\/s$/.exec(await readKernelFile(system, `${computer}/rx_speed`) ?? "") ?? [];
  if (gigabits === undefined) return undefined;
  return parseLinkSpeed(`${Number(gigabits) * 1000 * Number(await readKernelFile(system, `${computer}/rx_lanes`))}`);
}

/** The number of a VLAN (802.1Q) that a link is; undefined for others. Runs `cat`. */
export async function readVlan(system: System, linkName: string): Promise<number | undefined> {
  // "eth0.20  VID: 20\t REORDER_HDR: 1  dev->priv_flags: 1021" (net/8021q/vlanproc.c)
  const [, id] = /\bVID: (\d+)\b/.exec(await readKernelFile(system, `/proc/net/vlan/${linkName}`) ?? "") ?? [];
  return id === undefined ? undefined : Number(id);
}

export function linkSpeedPath(linkName: string): string {
  return `/sys/class/net/${linkName}/speed`;
}

/** @param text "1000"; "-1" while there is no cable */
export function parseLinkSpeed(text: string | undefined): number | undefined {
  const speed = Number(text);
  return speed > 0 ? speed : undefined;
}

/**
 * Whether a link is a network card for cables: it has a device, which virtual links have not, and the kernel gives it
 * no special type ("wlan", "wwan", "bluetooth", "bridge", … in `DEVTYPE`, Documentation/ABI/testing/sysfs-uevent).
 * Runs `cat`.
 */
export async function isWiredCard(system: System, linkName: string): Promise<boolean> {
  const link = await readKernelFile(system, `/sys/class/net/${linkName}/uevent`);
  if (link === undefined || /^DEVTYPE=/m.test(link)) return false;
  return await readKernelFile(system, `/sys/class/net/${linkName}/device/uevent`) !== undefined;
}

/** Memory that can be had without swapping (MemAvailable of proc_meminfo(5)). Runs `cat`. */
export async function readMemAvailableBytes(system: System): Promise<number> {
  return (await readMemory(system)).availableBytes;
}

/** MemTotal (0 where it is missing) and MemAvailable of proc_meminfo(5). Runs `cat`. */
export async function readMemory(
  system: System,
): Promise<{ readonly totalBytes: number; readonly availableBytes: number }> {
  const { stdout } = await system.run(["cat", "/proc/meminfo"], { timeoutMs: 5_000 });
  const availableBytes = parseMemory(stdout, "MemAvailable");
  if (availableBytes === undefined) throw new Error("/proc/meminfo has no MemAvailable line");
  return { totalBytes: parseMemory(stdout, "MemTotal") ?? 0, availableBytes };
}

/** @param text of /proc/meminfo. @returns bytes */
export function parseMemory(text: string, name: "MemTotal" | "MemAvailable"): number | undefined {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export interface MachineFacts {
  /** The running kernel's command line (proc_cmdline(5)), without newline. */
  readonly commandLine: string;
  /** As its maker calls it; empty where the firmware does not say (Documentation/ABI/testing/sysfs-class-dmi). */
  readonly model: string;
}

/** Runs `cat`, once for both. */
export async function readMachineFacts(system: System): Promise<MachineFacts> {
  const { stdout } = await system.run(["cat", "/proc/cmdline", "/sys/class/dmi/id/product_name"], {
    // The second file may be missing.
    acceptExitCodes: [0, 1],
    timeoutMs: 5_000,
  });
  const [commandLine = "", model = ""] = stdout.split("\n");
  if (stdout === "") throw new Error("/proc/cmdline cannot be read");
  return { commandLine: commandLine.trimEnd(), model: model.trim() };
}

/**
 * Whether this program may change the settings of a terminal: one in the background of its own terminal is stopped
 * when it does (tcsetattr(3), SIGTTOU). Runs `cat`.
 */
export async function mayChangeTerminal(system: System): Promise<boolean> {
  const stat = await readKernelFile(system, `/proc/${Deno.pid}/stat`) ?? "";
  // proc_pid_stat(5): behind the name in parentheses state, ppid, pgrp, session, tty_nr, tpgid
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return terminal === "0" || (group !== undefined && group === foreground);
}

/** The running system's host name; empty where it cannot be read. Runs `cat`. */
export async function readHostName(system: System): Promise<string> {
  return await readKernelFile(system, "/proc/sys/kernel/hostname") ?? "";
}

/** Seconds since the kernel started (proc_uptime(5)). Runs `cat`. */
export async function readUptimeSeconds(system: System): Promise<number> {
  const { stdout } = await system.run(["cat", "/proc/uptime"], { timeoutMs: 5_000 });
  return Number(stdout.split(" ")[0]);
}

/** A disk, partition or mapped device, as lsblk(8) sees it; children are what lies on top of it. */
export interface BlockDevice {
  readonly name: string;
  readonly path: string;
  /** "disk", "part", "lvm", "crypt", "raid1", "loop", "rom", … */
  readonly type: string;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly isRemovable: boolean;
  readonly vendor?: string;
  readonly model?: string;
  readonly serial?: string;
  /** World wide name, of a whole disk. */
  readonly wwn?: string;
  /** "usb", "nvme", "sata", … */
  readonly transport?: string;
  readonly logicalSectorBytes: number;
  /** File system or signature: "ext4", "crypto_LUKS", "LVM2_member", "swsuspend", … */
  readonly fsType?: string;
  readonly label?: string;
  readonly uuid?: string;
  /** Type of the partition table that the device has or is in: "gpt", "dos", … */
  readonly tableType?: string;
  readonly tableUuid?: string;
  readonly partUuid?: string;
  readonly partLabel?: string;
  /** GPT type GUID or MBR type byte, lower case. */
  readonly partType?: string;
  /**
   * Number of the whole disk it is on: the kernel gives each disk that it meets a number of its own, also when another
   * one had the name before (Documentation/ABI/stable/sysfs-block, diskseq). lsblk(8) has it from 2.39 on, and only
   * when asked for all it knows.
   */
  readonly diskSequence?: number;
  /** Where it is mounted; "[SWAP]" when in use as swap. */
  readonly mountPoints: readonly string[];
  readonly children: readonly BlockDevice[];
}

const lsblkColumns =
  "NAME,PATH,TYPE,SIZE,RO,RM,MODEL,SERIAL,WWN,TRAN,LOG-SEC,FSTYPE,LABEL,UUID,PTUUID,PARTUUID,PARTLABEL,PARTTYPE,MOUNTPOINTS";

const text = v.optional(v.nullable(v.string()));
/** With all columns lsblk(8) writes some numbers as texts, and old ones write flags so. */
const count = v.pipe(v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/))]), v.transform(Number));
const flag = v.pipe(
  v.union([v.boolean(), v.picklist(["0", "1"])]),
  v.transform((value) => value === true || value === "1"),
);
const lsblkSchema = v.object({
  name: v.string(),
  path: v.string(),
  type: v.string(),
  size: v.nullable(count),
  ro: flag,
  rm: flag,
  "log-sec": count,
  "disk-seq": v.optional(v.nullable(count)),
  vendor: text,
  model: text,
  serial: text,
  wwn: text,
  tran: text,
  fstype: text,
  label: text,
  uuid: text,
  pttype: text,
  ptuuid: text,
  partuuid: text,
  partlabel: text,
  parttype: text,
  // util-linux before 2.37 knows one only.
  mountpoint: text,
  mountpoints: v.optional(v.array(v.nullable(v.string()))),
  children: v.optional(v.array(v.unknown()), []),
});

/** Block devices as a forest of whole disks. Runs `lsblk`. */
export async function listBlockDevices(system: System): Promise<readonly BlockDevice[]> {
  const { stdout } = await system.run(["lsblk", "--json", "--bytes", "--output", lsblkColumns], { timeoutMs: 30_000 });
  return parseBlockDevices(stdout);
}

/** The same with all that lsblk(8) knows, as far as it knows it. Runs `lsblk`. */
export async function listBlockDevicesInFull(system: System): Promise<readonly BlockDevice[]> {
  const { stdout } = await system.run(["lsblk", "--json", "--bytes", "--output-all"], { timeoutMs: 30_000 });
  return parseBlockDevices(stdout);
}

/** The path lsblk(8) knows a block device by, for any link to it; undefined for other paths. Runs `lsblk`. */
export async function realDevicePath(system: System, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await system.run(["lsblk", "--noheadings", "--nodeps", "--output=PATH", path], {
    // lsblk(8): 1 a failure, 32 nothing of what was asked for is there
    acceptExitCodes: [0, 1, 32],
    timeoutMs: 10_000,
  });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** @param output of `lsblk --json --bytes --output …` (lsblk(8)) */
export function parseBlockDevices(output: string): readonly BlockDevice[] {
  return v.parse(v.object({ blockdevices: v.array(v.unknown()) }), JSON.parse(output)).blockdevices.map(parseDevice);
}

function parseDevice(entry: unknown): BlockDevice {
  const device = v.parse(lsblkSchema, entry);
  const filled = {
    vendor: device.vendor?.trim(),
    model: device.model?.trim(),
    serial: device.serial?.trim(),
    wwn: device.wwn,
    transport: device.tran,
    fsType: device.fstype,
    label: device.label,
    uuid: device.uuid,
    tableType: device.pttype,
    tableUuid: device.ptuuid,
    partUuid: device.partuuid,
    partLabel: device.partlabel,
    partType: device.parttype?.toLowerCase(),
    diskSequence: device["disk-seq"],
  };
  return {
    name: device.name,
    path: device.path,
    type: device.type,
    sizeBytes: device.size ?? 0,
    isReadOnly: device.ro,
    isRemovable: device.rm,
    logicalSectorBytes: device["log-sec"],
    ...Object.fromEntries(
      Object.entries(filled).filter(([, value]) => value !== null && value !== undefined && value !== ""),
    ),
    mountPoints: (device.mountpoints ?? [device.mountpoint]).flatMap((point) => point ? [point] : []),
    children: device.children.map(parseDevice),
  };
}
