import assert from "node:assert/strict";
import {
  createInstalledSystem,
  type InstalledSystem,
  installedSystems,
} from "../../tests/support/installed_systems.ts";
import type { KernelSignature } from "../boot/kernel_signers.ts";
import { loadConfig } from "../config/load_config.ts";
import { detectDistribution } from "../distro/detect_distribution.ts";
import type { HostFacts } from "../host/host_facts.ts";
import { findMount } from "../host/storage_facts.ts";
import { openHostTree } from "../host/tree.ts";
import type { BlockDevice } from "../system/facts.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import type { System } from "../system/system.ts";
import { artifactChecks, type ArtifactFacts } from "./artifacts.ts";
import { batteryChecks } from "./battery.ts";
import {
  type Check,
  type CheckLevel,
  type CheckOf,
  countChecks,
  error,
  formatChecks,
  hidden,
  nameErrors,
  ok,
  runChecks,
  warning,
} from "./check.ts";
import { desktopBootChecks, type DesktopBootFacts } from "./desktop_boot.ts";
import { diskChecks, type DiskFacts, findLooseEsps } from "./disks.ts";
import { distributionChecks, type DistributionFacts } from "./distribution.ts";
import { examineHost } from "./doctor.ts";
import { encryptionChecks, type EncryptionFacts, findKeyDevices, parseLuksMetadata } from "./encryption.ts";
import { nbdNeeds } from "../export/nbd/needs.ts";
import { transportModules } from "../initramfs/needs.ts";
import { fileContains } from "./file_contains.ts";
import { firewallChecks, type FirewallFacts } from "./firewall.ts";
import { findSwap, hibernationChecks, type HibernationFacts, parseInitramfsResume } from "./hibernation.ts";
import { kernelChecks, type KernelFacts, kexecChecks, type KexecFacts } from "./kernel.ts";
import { nameChecks, type NameFacts } from "./names.ts";
import { networkChecks, type NetworkFacts, networkProgramChecks, type NetworkProgramFacts } from "./network.ts";
import { secureBootChecks, type SecureBootFacts } from "./secure_boot.ts";

function device(path: string, more: Partial<BlockDevice> = {}): BlockDevice {
  return {
    name: path.slice(5),
    path,
    type: "disk",
    sizeBytes: 512e9,
    isReadOnly: false,
    isRemovable: false,
    logicalSectorBytes: 512,
    mountPoints: [],
    children: [],
    ...more,
  };
}

const rootDisk = device("/dev/nvme0n1", { children: [device("/dev/nvme0n1p2", { type: "part", mountPoints: ["/"] })] });
const otherDisk = device("/dev/sda");

const host: HostFacts = {
  distribution: detectDistribution('ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'),
  installedGenerators: ["initramfs-tools"],
  kernel: { release: "6.12.30-amd64", image: "/boot/vmlinuz-6.12.30-amd64" },
  isKernelHidden: false,
  isLive: true,
  hasSystemd: true,
  hasSystemdBoot: false,
  hasNetworkManager: true,
  hasNetworkd: true,
  activeUnits: [],
  missing: [],
  missingModules: [],
  bootHasModes: true,
  hasBootLoaderConfig: true,
  commandLine: "root=UUID=1 ro",
  originalFiles: [],
  formerFiles: [],
};
const storage = { disks: [rootDisk, otherDisk], root: findMount([rootDisk], "/"), boot: undefined };

/** What is expected of one check when some of a healthy laptop's facts are others. */
type Case<Facts> = readonly [title: string, level: CheckLevel, found: RegExp, facts: Partial<Facts>];

const shown: Check[] = [];

/** A topic's healthy facts pass; each fault is found by its check, and has a cure. */
function testTopic<Facts extends object>(
  name: string,
  { checks, healthy, cases }: {
    readonly checks: readonly CheckOf<Facts>[];
    readonly healthy: Facts;
    readonly cases: readonly Case<Facts>[];
  },
): void {
  Deno.test(`doctor: ${name}`, () => {
    assert.deepEqual(runChecks(checks, healthy).filter((check) => check.level !== "ok"), []);
    for (const [title, level, found, facts] of cases) {
      const all = runChecks(checks, { ...healthy, ...facts });
      shown.push(...all);
      const check = all.find((one) => one.title === title);
      assert.equal(check?.level, level, `${title}: ${check?.found}`);
      assert.match(check?.found ?? "", found);
      assert.equal(check?.cure !== undefined, level !== "ok", title);
    }
  });
}

testTopic<DistributionFacts>("distribution, programs, generator", {
  checks: distributionChecks,
  healthy: {
    host,
    generator: "initramfs-tools",
    crippledPrograms: [],
    mounts: { readOnly: [], isBootUnmounted: false },
  },
  cases: [
    ["distribution", "warning", /stiefelsystem does not know/, { host: { ...host, distribution: undefined } }],
    ["programs", "error", /missing: nbd-client, kexec/, {
      host: { ...host, missing: ["nbd-client", "kexec"], missingModules: ["nvme-tcp"] },
    }],
    ["programs", "error", /without netlink/, { crippledPrograms: [nbdNeeds.desktop.builtWith] }],
    ["initramfs generator", "error", /none/, { generator: undefined }],
    ["places to write", "error", /^\/usr is mounted read-only/, {
      mounts: { readOnly: [{ path: "/usr", mountPoint: "/usr" }], isBootUnmounted: false },
    }],
    ["places to write", "error", /^\/boot is not mounted/, { mounts: { readOnly: [], isBootUnmounted: true } }],
  ],
});

testTopic<KernelFacts>("kernel", {
  checks: kernelChecks,
  healthy: { host, security: "wireguard", missingModules: [], vlan: undefined },
  cases: [
    ["kernel for desktops", "error", /no installed kernel/, { host: { ...host, kernel: undefined } }],
    ["kernel for desktops", "error", /no module nbd/, { missingModules: transportModules("nbd") }],
    ["cable", "ok", /encrypted/, {}],
    ["cable", "warning", /no module wireguard: .*unencrypted/, { host: { ...host, missingModules: ["wireguard"] } }],
    ["cable", "warning", /security: none/, { security: "none" }],
    ["cable", "ok", /encrypted/, { host: { ...host, missingModules: ["8021q"] } }],
    ["cable", "ok", /encrypted/, { vlan: 20 }],
    ["cable", "error", /no module 8021q: .* VLAN 20$/, { vlan: 20, host: { ...host, missingModules: ["8021q"] } }],
    ["cable", "unknown", /there is no kernel/, { host: { ...host, kernel: undefined } }],
    ["cable", "unknown", /only root/, { host: { ...host, isKernelHidden: true } }],
  ],
});

testTopic<KexecFacts>("kexec", {
  checks: kexecChecks,
  healthy: { hasKexec: true, isKexecDisabled: false },
  cases: [
    ["kexec", "error", /has none/, { hasKexec: false }],
    ["kexec", "error", /switched off/, { isKexecDisabled: true }],
  ],
});

const initramfs = "initramfs for desktops";
testTopic<DesktopBootFacts>(initramfs, {
  checks: desktopBootChecks,
  healthy: {
    generator: "initramfs-tools",
    hasSeparateInitramfs: true,
    chosenInitramfs: undefined,
    newestKernel: "/boot/vmlinuz-6.12.30-amd64",
    bootKernel: undefined,
    bootFileProblem: undefined,
    failedBuild: undefined,
  },
  cases: [
    [initramfs, "warning", /initramfs-stiefel\.img is not there/, { hasSeparateInitramfs: false }],
    [initramfs, "ok", /any machine/, {}],
    [initramfs, "ok", /any machine/, { chosenInitramfs: "/initramfs-stiefel.img" }],
    [initramfs, "warning", /names another, \/boot\/initrd\.img-6\.12/, { chosenInitramfs: "/boot/initrd.img-6.12" }],
    [initramfs, "error", /last build failed: there is no mkinitramfs/, { failedBuild: "there is no mkinitramfs\n" }],
    [initramfs, "error", /not JSON/, { bootFileProblem: 'Cannot use "/boot/stiefelsystem.json": not JSON' }],
    [initramfs, "error", /names \/boot\/old/, { bootKernel: { path: "/boot/old", isThere: false, isNewest: false } }],
    [initramfs, "warning", /older is not the newest kernel, /, {
      bootKernel: { path: "/boot/older", isThere: true, isNewest: false },
    }],
  ],
});

const lockedDown = { isSecureBoot: true, lockdown: "integrity" } as const;
const byDebian: KernelSignature = { kind: "signed", names: ["Debian CA", "Debian Signer", "Debian CA"], keyIds: [] };
const keysOf = (...names: readonly string[]): SecureBootFacts["trustedKeys"] =>
  names.map((name) => ({ name, id: "0a" }));
const kernelOf = (signature: KernelSignature): SecureBootFacts["imageKernel"] => ({ path: "/k", signature });
testTopic<SecureBootFacts>("Secure Boot", {
  checks: secureBootChecks,
  healthy: { isSecureBoot: false, lockdown: undefined, imageKernel: undefined, trustedKeys: undefined },
  cases: [
    ["Secure Boot", "warning", /locked down \(integrity\): it starts signed kernels only/, lockedDown],
    ["Secure Boot", "error", /\/k is not signed/, { ...lockedDown, imageKernel: kernelOf({ kind: "none" }) }],
    ["Secure Boot", "error", /\/k is not what was signed/, {
      ...lockedDown,
      imageKernel: kernelOf({ kind: "broken" }),
    }],
    ["Secure Boot", "unknown", /cannot see whether it trusts "Debian CA"/, {
      ...lockedDown,
      imageKernel: kernelOf(byDebian),
    }],
    ["Secure Boot", "error", /does not trust "Debian CA"/, {
      ...lockedDown,
      imageKernel: kernelOf(byDebian),
      trustedKeys: keysOf("Microsoft Corporation UEFI CA 2011", "Fedora Secure Boot CA"),
    }],
    ["Secure Boot", "ok", /and trusts "Debian CA"/, {
      ...lockedDown,
      imageKernel: kernelOf(byDebian),
      trustedKeys: keysOf("Microsoft Corporation UEFI CA 2011", "Debian CA"),
    }],
    ["Secure Boot", "ok", /on, the kernel is not locked/, { isSecureBoot: true, lockdown: undefined }],
  ],
});

testTopic<DiskFacts>("disks", {
  checks: diskChecks,
  healthy: { disk: { path: "/dev/disk/by-id/nvme-X", found: rootDisk }, storage, mountsElsewhere: [], looseEsps: [] },
  cases: [
    ["disk", "ok", /takes the one it finds/, { disk: undefined }],
    ["disk", "warning", /no disk/, { disk: undefined, storage: { ...storage, root: undefined } }],
    ["disk", "error", /is not there/, { disk: { path: "/dev/disk/by-id/old", found: undefined } }],
    ["disk", "error", /no whole disk but a part/, { disk: { path: "/dev/x", found: rootDisk.children[0] } }],
    ["disk", "warning", /not the disk of \//, { disk: { path: "/dev/sda", found: otherDisk } }],
    ["other disks", "error", /is on \/dev\/sda, too/, { mountsElsewhere: [{ mountPoint: "/", disk: otherDisk }] }],
    ["other disks", "warning", /^\/data is on \/dev\/sda: /, {
      mountsElsewhere: [{ mountPoint: "/data", disk: otherDisk }],
    }],
    ["other disks", "unknown", /not checked: /, { mountsElsewhere: undefined }],
    ["EFI system partition", "warning", /^\/dev\/sda1 is not in \/etc\/fstab/, {
      looseEsps: [device("/dev/sda1", { type: "part", mountPoints: ["/efi"] })],
    }],
    ["EFI system partition", "unknown", /not checked: /, { looseEsps: undefined }],
  ],
});

const names = "names of devices";
testTopic<NameFacts>(names, {
  checks: nameChecks,
  healthy: { commandLine: "root=UUID=1 ro", named: [], formatted: [], rootVolumes: [], isCrypttabHidden: false },
  cases: [
    [names, "error", /^root=\/dev\/sda2: on a desktop/, { named: [{ setting: "root=", device: "/dev/sda2" }] }],
    [names, "warning", /^\/etc\/fstab names \/dev\/sda1: /, {
      named: [{ setting: "/etc/fstab", device: "/dev/sda1" }],
    }],
    [names, "warning", /^no root= /, { commandLine: "rw quiet" }],
    [names, "error", /^\/etc\/crypttab formats \/dev\/nvme0n1p3 at each start/, {
      formatted: [{ setting: "/etc/crypttab", device: "/dev/nvme0n1p3" }],
    }],
    [names, "warning", /^root=LABEL=root: a desktop .* may have that name, too/, {
      named: [{ setting: "root=", device: "LABEL=root" }],
    }],
    [names, "warning", /^\/etc\/fstab names PARTLABEL=home: /, {
      named: [{ setting: "/etc/fstab", device: "PARTLABEL=home" }],
    }],
    [names, "warning", /^root=\/dev\/mapper\/ubuntu--vg-ubuntu--lv: /, {
      named: [{ setting: "root=", device: "/dev/mapper/ubuntu--vg-ubuntu--lv" }],
    }],
    [names, "warning", /^\/ is on \/dev\/mapper\/fedora-root: /, { rootVolumes: ["/dev/mapper/fedora-root"] }],
    [names, "unknown", /crypttab, not seen/, { isCrypttabHidden: true }],
  ],
});

testTopic<EncryptionFacts>("encryption", {
  checks: encryptionChecks,
  healthy: { luks: [], keyDevices: [] },
  cases: [
    ["encryption", "error", /this machine only \(systemd-tpm2\)/, {
      luks: [{ device: "/dev/a", passphraseSlots: 0, tokens: ["systemd-tpm2"] }],
    }],
    ["encryption", "unknown", /could not be read/, {
      luks: [{ device: "/dev/a", passphraseSlots: undefined, tokens: [] }],
    }],
    ["encryption", "ok", /passphrase opens \/dev\/a/, { luks: [{ device: "/dev/a", passphraseSlots: 1, tokens: [] }] }],
    ["encryption", "unknown", /not checked: /, { luks: undefined }],
    ["encryption", "warning", /crypttab \(root\) takes a key from LABEL=KEYS/, {
      luks: undefined,
      keyDevices: [{ setting: "/etc/crypttab (root)", device: "LABEL=KEYS" }],
    }],
    ["encryption", "warning", /cryptkey= takes a key from \/dev\/sdb1, which a desktop does not have/, {
      keyDevices: [{ setting: "cryptkey=", device: "/dev/sdb1" }],
    }],
  ],
});

testTopic<HibernationFacts>("hibernation", {
  checks: hibernationChecks,
  healthy: {
    storage,
    commandLine: "root=UUID=1 ro",
    initramfsResume: undefined,
    swap: undefined,
    isEncrypted: false,
  },
  cases: [
    ["hibernation", "error", /hibernated system/, {
      storage: { ...storage, disks: [device("/dev/sdb", { fsType: "swsuspend" })] },
    }],
    ["hibernation", "warning", /resume=\/dev\/sda3/, { initramfsResume: "/dev/sda3" }],
    ["hibernation", "warning", /resume=UUID=2/, { commandLine: "ro resume=UUID=2" }],
    ["hibernation", "warning", /without any setting: systemd finds \/dev\/sda3/, { swap: "/dev/sda3" }],
    ["hibernation", "unknown", /shows on the running laptop only/, { swap: "not seen" }],
    ["hibernation", "warning", /resume=UUID=2/, { swap: "not seen", commandLine: "ro resume=UUID=2" }],
  ],
});

testTopic<NetworkProgramFacts>("network programs", {
  checks: networkProgramChecks,
  healthy: { networkManagerConflicts: [], greedyPrograms: [] },
  cases: [
    ["network programs", "error", /manages it because of \/etc\/x/, { networkManagerConflicts: ["/etc/x"] }],
    ["network programs", "error", /dhcpcd takes every link/, {
      greedyPrograms: [{
        name: "dhcpcd",
        unit: "dhcpcd.service",
        service: "dhcpcd",
        file: "/etc/dhcpcd.conf",
        setting: "denyinterfaces x",
      }],
    }],
    ["network programs", "unknown", /by root only/, { networkManagerConflicts: undefined }],
  ],
});

testTopic<NetworkFacts>("network", {
  checks: networkChecks,
  healthy: {
    hasIpv6: true,
    nics: [{ name: "enp0s31f6", driver: "e1000e", hasCarrier: true, speedMbps: 1000 }],
  },
  cases: [
    ["IPv6", "warning", /switched off/, { hasIpv6: false }],
    ["network cards", "error", /no wired/, { nics: [] }],
    ["network cards", "unknown", /ip is missing/, { nics: undefined }],
    ["network cards", "warning", /half duplex/, {
      nics: [{ name: "enx", driver: "cdc_ncm", hasCarrier: true, speedMbps: undefined }],
    }],
    ["network cards", "warning", /is slow/, {
      nics: [{ name: "eth0", driver: "r8169", hasCarrier: true, speedMbps: 100 }],
    }],
  ],
});

testTopic<FirewallFacts>("firewall", {
  checks: firewallChecks,
  healthy: { neighbours: "all", discovery: true, replies: true, sending: true },
  cases: [
    ["firewall", "error", /drops ICMPv6/, { neighbours: "none" }],
    ["firewall", "warning", /drops what a desktop asks/, { discovery: false }],
    ["firewall", "error", /kill switch/, { sending: false }],
    ["firewall", "error", /drops answers/, { replies: false }],
    ["firewall", "warning", /link-local addresses only/, { neighbours: "link-local" }],
  ],
});

Deno.test("doctor: a firewall that cannot be seen is not taken for none", () => {
  const [check] = runChecks(firewallChecks, undefined);
  assert.equal(check?.level, "unknown");
});

Deno.test("doctor: battery", () => {
  const judge = (percent: number, isDischarging: boolean): string | undefined =>
    runChecks(batteryChecks, { capacityPercent: percent, isDischarging })[0]?.level;
  assert.equal(runChecks(batteryChecks, undefined)[0]?.found, "none");
  assert.deepEqual([judge(80, false), judge(80, true), judge(12, true)], ["ok", "warning", "error"]);
});

testTopic<ArtifactFacts>("key, image, setup", {
  checks: artifactChecks,
  healthy: {
    directory: "build",
    hasKernel: true,
    hasInitrd: true,
    unusableImage: undefined,
    key: "good",
    laptopKeys: ["bell"],
    initrdHasKey: true,
    isConfigNewer: false,
    installed: "built",
    setup: { kind: "done", unfinished: [] },
  },
  cases: [
    ["shared key", "warning", /not there/, { key: "missing" }],
    ["shared key", "error", /not 32 bytes/, { key: "wrong" }],
    ["shared key", "error", /others can read/, { key: "open" }],
    ["shared key", "error", /is there twice/, { laptopKeys: { problem: "It is there twice", hint: "Remove it" } }],
    ["shared key", "ok", /^there, for its owner only$/, { laptopKeys: [] }],
    ["shared key", "ok", /beside it for sticks: bell, vaio$/, { laptopKeys: ["bell", "vaio"] }],
    ["shared key", "ok", /^there, for its owner only$/, { laptopKeys: undefined }],
    ["image", "warning", /no kernel and no initrd in build/, { hasKernel: false, hasInitrd: false }],
    ["image", "error", /another key/, { initrdHasKey: false }],
    ["image", "error", /for arm64, and/, { unusableImage: { found: "for arm64, and this is amd64", cure: "Set it" } }],
    ["image", "warning", /older than config/, { isConfigNewer: true }],
    ["image", "unknown", /may not read whether it holds the key/, { initrdHasKey: undefined }],
    ["setup", "warning", /has not run/, { setup: { kind: "never" } }],
    ["setup", "error", /not installed/, { installed: "missing" }],
    ["setup", "warning", /another image/, { installed: "other" }],
    ["setup", "warning", /not done to its end: build b/, { setup: { kind: "done", unfinished: ["build b"] } }],
    ["setup", "unknown", /for root to see/, { setup: { kind: "hidden" } }],
    ["setup", "error", /another version/, { setup: { kind: "damaged", message: "Of another version" } }],
  ],
});

Deno.test("checks fit into 80 columns, and into 40", () => {
  assert.ok(shown.length > 0, "the topics above have run");
  for (const columns of [80, 40]) {
    const long = formatChecks(shown, columns).filter((line) => line.length > columns);
    // A word alone, or a command, may be longer than the line.
    const parts = long.map((line) => line.trim().replace(/^-> |^sudo /, "").replace(/^\.\/stiefelsystem /, ""));
    assert.deepEqual(parts.filter((part) => part.includes(" ") && !part.startsWith("apt-get install ")), []);
  }
});

Deno.test("the cure for a missing program names its package, once", () => {
  const facts = { host: { ...host, missing: ["udevadm", "mount", "umount"] }, generator: undefined };
  const checks = runChecks(distributionChecks, { ...facts, crippledPrograms: [], mounts: undefined });
  const programs = checks.find(({ title }) => title === "programs");
  assert.deepEqual([programs?.found, programs?.cure], [
    "missing: udevadm, mount, umount",
    "apt-get install udev mount",
  ]);
  assert.ok(formatChecks(checks, 24).includes("      -> apt-get install udev mount"), "one line to copy");
});

Deno.test("the last lines name what is in the way: the first ones may have scrolled off", () => {
  const all = [
    { title: "a", ...error("x", "y") },
    { title: "b c", ...error("x", "y") },
    { title: "d", ...warning("x", "y") },
    { title: "e", ...ok("x") },
  ];
  assert.deepEqual(nameErrors(all), ["In the way: a, b c"]);
  assert.deepEqual(nameErrors(all.slice(2)), []);
  assert.equal(countChecks(all), "2 errors, 1 warning");
  assert.equal(countChecks([{ title: "f", ...hidden("x") }]), "0 errors, 0 warnings, 1 not seen");
});

Deno.test("L2: an ESP is loose that the firmware's start mounts and fstab does not", () => {
  const esp = device("/dev/sda1", {
    type: "part",
    partType: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
    uuid: "AB-CD",
    partUuid: "1-2",
    mountPoints: ["/efi"],
  });
  const disk = device("/dev/sda", { children: [esp, device("/dev/sda2", { type: "part", mountPoints: ["/"] })] });
  const loose = (fstab: string | undefined): number =>
    findLooseEsps(disk, { fstab, laptopRecord: undefined, hasSystemd: true }).length;
  assert.equal(loose(undefined), 1);
  const record = "MODULE=kernel/x\nMOUNT=/efi UUID=AB-CD vfat\n";
  assert.deepEqual(findLooseEsps(disk, { fstab: "", laptopRecord: record, hasSystemd: true }), []);
  assert.equal(findLooseEsps(disk, { fstab: "", laptopRecord: record, hasSystemd: false }).length, 1);
  assert.equal(findLooseEsps(disk, { fstab: "", laptopRecord: "MOUNT=/boot UUID=1 vfat", hasSystemd: true }).length, 1);
  assert.equal(loose("# UUID=AB-CD /efi vfat defaults 0 2\n"), 1);
  for (const name of ["UUID=AB-CD", 'UUID="AB-CD"', "PARTUUID=1-2", "/dev/sda1", "LABEL=x"]) {
    assert.equal(loose(`${name} /efi vfat umask=0077 0 2\n`), 0, name);
  }
  assert.equal(loose("PARTUUID=1-2 /mnt vfat defaults 0 2"), 0);
  const unmounted = device("/dev/sda", { children: [{ ...esp, mountPoints: [] }] });
  assert.deepEqual(findLooseEsps(unmounted, { fstab: "", laptopRecord: "", hasSystemd: true }), []);
});

Deno.test("L6: keys on a stick are found in crypttab and on the command line", () => {
  const found = (commandLine: string, crypttab?: string): readonly string[] =>
    findKeyDevices({ commandLine, crypttab }).map(({ device }) => device);
  assert.deepEqual(found("", "root UUID=1 /key.bin:LABEL=stick luks"), ["LABEL=stick"]);
  assert.deepEqual(found("", "root UUID=1 /dev/disk/by-id/usb-Stick-part1 luks,keyfile-size=512"), [
    "/dev/disk/by-id/usb-Stick-part1",
  ]);
  for (const key of ["none", "-", "", "/etc/keys/root.key", "/dev/urandom", "/dev/random"]) {
    assert.deepEqual(found("", `root UUID=1 ${key} luks`), [], key);
  }
  assert.deepEqual(found("cryptkey=/dev/sdb1:ext4:/key root=/dev/mapper/root"), ["/dev/sdb1"]);
  assert.deepEqual(found("cryptkey=UUID=12:vfat:/key"), ["UUID=12"]);
  assert.deepEqual(found("cryptkey=rootfs:/crypto_keyfile.bin"), []);
  assert.deepEqual(found("rd.luks.key=/key:UUID=12"), ["UUID=12"]);
  assert.deepEqual(found("rd.luks.key=d0f4b3c2-1111-2222-3333-444455556666=/key:LABEL=stick"), ["LABEL=stick"]);
  assert.deepEqual(found("rd.luks.key=/crypto_keyfile.bin"), []);
});

Deno.test("L6: systemd hibernates into the first swap that outlives the power", () => {
  const heading = "Filename\tType\t\tSize\t\tUsed\t\tPriority";
  assert.equal(findSwap(heading), undefined);
  assert.equal(findSwap(`${heading}\n/dev/zram0 partition\t4\t0\t100\n/swap\\040file file 9 0 -2`), "/swap file");
  assert.equal(findSwap(`${heading}\n/dev/nvme0n1p3                          partition\t8\t0\t-2`), "/dev/nvme0n1p3");
  assert.equal(findSwap(`${heading}\n/dev/zram0 partition 4 0 100`), undefined);
});

Deno.test("a LUKS slot that only a TPM or a token opens is no passphrase; a recovery key is", () => {
  const metadata = (tokens: Record<string, unknown>): string =>
    JSON.stringify({ keyslots: { "0": {}, "1": {} }, tokens, segments: {}, digests: {}, config: {} });
  const slots = (tokens: Record<string, unknown>): number | undefined =>
    parseLuksMetadata("/dev/a", metadata(tokens)).passphraseSlots;
  assert.equal(slots({}), 2);
  assert.equal(slots({ "0": { type: "systemd-tpm2", keyslots: ["1"] } }), 1);
  assert.equal(slots({ "0": { type: "systemd-tpm2", keyslots: ["1"] }, "1": { type: "clevis", keyslots: ["0"] } }), 0);
  assert.equal(
    slots({ "0": { type: "systemd-recovery", keyslots: ["1"] }, "1": { type: "systemd-tpm2", keyslots: ["0"] } }),
    1,
  );
});

Deno.test("where initramfs-tools resumes from is what was set last, if it is a place", () => {
  assert.equal(parseInitramfsResume("MODULES=most\n# RESUME=/dev/sda1\nRESUME=UUID=1-2 # swap\n"), "UUID=1-2");
  assert.equal(parseInitramfsResume("RESUME=auto\nRESUME='/dev/mapper/vg-swap_1'"), "/dev/mapper/vg-swap_1");
  for (const none of ["", "RESUME=", "RESUME=UUID=1\nRESUME=none", "RESUME=auto"]) {
    assert.equal(parseInitramfsResume(none), undefined, none);
  }
});

Deno.test("bytes are found in a large file, also across the pieces it is read in", async () => {
  const needle = Uint8Array.from({ length: 32 }, (_, index) => 200 + index);
  const large = new Uint8Array(300_000);
  large.set(needle, 65_536 - 10);
  const system = createMemorySystem({ files: { "/with": large, "/without": new Uint8Array(300_000), "/short": "x" } });
  assert.equal(await fileContains(system, "/with", needle), true);
  assert.equal(await fileContains(system, "/without", needle), false);
  assert.equal(await fileContains(system, "/short", needle), false);
});

Deno.test("who may not read the key and the initrd gets the other answers", async () => {
  const installed = installedSystems[0] as InstalledSystem;
  const answers: Readonly<Record<string, string | number>> = {
    lsblk: '{"blockdevices": []}',
    ip: "[]",
    "cat /proc/cmdline": "root=UUID=1\n",
    cat: 1,
  };
  const memory = await createInstalledSystem(installed, {
    files: { "/p/aes-key": new Uint8Array(32), "/p/build/kernel": "k", "/p/build/initrd": "i" },
    commands: [(argv) => answers[argv.join(" ")] ?? answers[argv[0] ?? ""]],
  });
  await memory.chmod("/p/aes-key", 0o600);
  const system: System = {
    ...memory,
    readFile: (path) =>
      path === "/p/aes-key"
        ? Promise.reject(new Deno.errors.PermissionDenied("Permission denied"))
        : memory.readFile(path),
  };
  const { config } = await loadConfig("", "config.yaml");
  const checks = await examineHost(system, await openHostTree(system), {
    config,
    configPath: "/p/config.yaml",
    keyPath: "/p/aes-key",
    buildDirectory: "/p/build",
  });
  const image = checks.find(({ title }) => title === "image");
  assert.deepEqual([image?.level, image?.found], ["unknown", "built; doctor may not read whether it holds the key"]);
  const firewall = checks.find(({ title }) => title === "firewall");
  assert.equal(firewall?.level, "unknown");
});
