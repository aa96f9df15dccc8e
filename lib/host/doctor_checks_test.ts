import assert from "node:assert/strict";
import {
  createInstalledSystem,
  type InstalledSystem,
  installedSystems,
} from "../../tests/support/installed_systems.ts";
import type { KernelSignature } from "../boot/kernel_signature.ts";
import { loadConfig } from "../config/load_config.ts";
import { detectDistribution } from "../distro/detect_distribution.ts";
import type { BlockDevice } from "../system/facts.ts";
import { createMemorySystem } from "../system/memory.ts";
import type { System } from "../system/system.ts";
import { type ConfigChoices, formatConfigYaml } from "./config_yaml.ts";
import { type CheckLevel, formatChecks, runChecks } from "./doctor_checks.ts";
import {
  contains,
  type DoctorFacts,
  gatherDoctorFacts,
  parseInitramfsResume,
  parseLuksMetadata,
} from "./doctor_facts.ts";
import { findMount, sortStableNames } from "./storage_facts.ts";
import { openHostTree } from "./tree.ts";

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

const healthy: DoctorFacts = {
  host: {
    distribution: detectDistribution('ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'),
    installedGenerators: ["initramfs-tools"],
    kernel: { release: "6.12.30-amd64", image: "/boot/vmlinuz-6.12.30-amd64" },
    isLive: true,
    hasSystemd: true,
    hasNetworkManager: true,
    hasNetworkd: true,
    activeUnits: [],
    missing: [],
    bootHasModes: true,
    hasBootLoaderConfig: true,
    commandLine: "root=UUID=1 ro",
    originalFiles: [],
    formerFiles: [],
  },
  generator: "initramfs-tools",
  hasKexec: true,
  isKexecDisabled: false,
  lockdown: undefined,
  isSecureBoot: false,
  imageKernel: undefined,
  trustedKeys: undefined,
  missingModules: [],
  chosenInitramfs: undefined,
  hasSeparateInitramfs: true,
  bootKernel: undefined,
  bootFileProblem: undefined,
  storage: { disks: [rootDisk, otherDisk], root: findMount([rootDisk], "/"), boot: undefined },
  initramfsResume: undefined,
  luks: [],
  commandLine: "root=UUID=1 ro",
  localNames: [],
  mountsElsewhere: [],
  disk: { path: "/dev/disk/by-id/nvme-X", found: rootDisk },
  networkManagerConflicts: [],
  greedyPrograms: [],
  nbdClientHasNetlink: true,
  hasIpv6: true,
  firewall: { dropsByDefault: false, takesIcmpv6: false, takesDiscovery: false },
  nics: [{ name: "enp0s31f6", driver: "e1000e", hasCarrier: true, speedMbps: 1000 }],
  battery: { capacityPercent: 80, isDischarging: false },
  artifacts: {
    directory: "build",
    hasKernel: true,
    hasInitrd: true,
    key: "good",
    initrdHasKey: true,
    isConfigNewer: false,
    installed: "built",
  },
  setup: { kind: "done", unfinished: [] },
};

Deno.test("a healthy laptop passes every check", () => {
  assert.deepEqual(runChecks(healthy).filter((check) => check.level !== "ok"), []);
});

const { host, artifacts } = healthy;
const lockedDown = { isSecureBoot: true, lockdown: "integrity" } as const;
const byDebian: KernelSignature = { kind: "signed", names: ["Debian CA", "Debian Signer", "Debian CA"] };
const kernelOf = (signature: KernelSignature): DoctorFacts["imageKernel"] => ({ path: "/k", signature });
const cases: readonly [title: string, level: CheckLevel, found: RegExp, facts: Partial<DoctorFacts>][] = [
  ["distribution", "warning", /not one that is known/, { host: { ...host, distribution: undefined } }],
  ["programs", "error", /missing: nbd-client, kexec/, { host: { ...host, missing: ["nbd-client", "kexec"] } }],
  ["programs", "error", /without netlink/, { nbdClientHasNetlink: false }],
  ["initramfs generator", "error", /none/, { generator: undefined }],
  ["kernel for desktops", "error", /no installed kernel/, { host: { ...host, kernel: undefined } }],
  ["kernel for desktops", "error", /no module nbd/, { missingModules: ["nbd"] }],
  ["initramfs for desktops", "warning", /initramfs-stiefel\.img is not there/, { hasSeparateInitramfs: false }],
  ["initramfs for desktops", "ok", /any machine/, {}],
  ["initramfs for desktops", "ok", /any machine/, { chosenInitramfs: "/initramfs-stiefel.img" }],
  ["initramfs for desktops", "warning", /names another, \/boot\/initrd\.img-6\.12/, {
    chosenInitramfs: "/boot/initrd.img-6.12",
  }],
  ["initramfs for desktops", "error", /not JSON/, {
    bootFileProblem: 'Cannot use "/boot/stiefelsystem.json": not JSON',
  }],
  ["initramfs for desktops", "error", /names \/boot\/old/, {
    bootKernel: { path: "/boot/old", isThere: false, isNewest: false },
  }],
  ["initramfs for desktops", "warning", /older is not the newest kernel, /, {
    bootKernel: { path: "/boot/older", isThere: true, isNewest: false },
  }],
  ["kexec", "error", /has none/, { hasKexec: false }],
  ["kexec", "error", /switched off/, { isKexecDisabled: true }],
  ["Secure Boot", "warning", /locked down \(integrity\): it starts signed kernels only/, lockedDown],
  ["Secure Boot", "error", /\/k is not signed/, { ...lockedDown, imageKernel: kernelOf({ kind: "none" }) }],
  ["Secure Boot", "error", /\/k is not what was signed/, { ...lockedDown, imageKernel: kernelOf({ kind: "broken" }) }],
  ["Secure Boot", "warning", /trusts "Debian CA", .* is not seen/, { ...lockedDown, imageKernel: kernelOf(byDebian) }],
  ["Secure Boot", "error", /does not trust "Debian CA"/, {
    ...lockedDown,
    imageKernel: kernelOf(byDebian),
    trustedKeys: ["Microsoft Corporation UEFI CA 2011", "Fedora Secure Boot CA"],
  }],
  ["Secure Boot", "ok", /and trusts "Debian CA"/, {
    ...lockedDown,
    imageKernel: kernelOf(byDebian),
    trustedKeys: ["Microsoft Corporation UEFI CA 2011", "Debian CA"],
  }],
  ["Secure Boot", "ok", /on, the kernel is not locked/, { isSecureBoot: true, lockdown: undefined }],
  ["disk", "ok", /takes the one it finds/, { disk: undefined }],
  ["disk", "warning", /no disk/, { disk: undefined, storage: { ...healthy.storage, root: undefined } }],
  ["disk", "error", /is not there/, { disk: { path: "/dev/disk/by-id/old", found: undefined } }],
  ["disk", "error", /no whole disk but a part/, { disk: { path: "/dev/x", found: rootDisk.children[0] } }],
  ["disk", "warning", /not the disk of \//, { disk: { path: "/dev/sda", found: otherDisk } }],
  ["encryption", "error", /this machine only \(systemd-tpm2\)/, {
    luks: [{ device: "/dev/a", passphraseSlots: 0, tokens: ["systemd-tpm2"] }],
  }],
  ["encryption", "warning", /could not be read/, {
    luks: [{ device: "/dev/a", passphraseSlots: undefined, tokens: [] }],
  }],
  ["encryption", "ok", /passphrase opens \/dev\/a/, { luks: [{ device: "/dev/a", passphraseSlots: 1, tokens: [] }] }],
  ["other disks", "error", /is on \/dev\/sda, too/, { mountsElsewhere: [{ mountPoint: "/", disk: otherDisk }] }],
  ["other disks", "warning", /^\/data is on \/dev\/sda: /, {
    mountsElsewhere: [{ mountPoint: "/data", disk: otherDisk }],
  }],
  ["names of devices", "error", /^root=\/dev\/sda2: on a desktop/, {
    localNames: [{ setting: "root=", device: "/dev/sda2" }],
  }],
  ["names of devices", "warning", /^\/etc\/fstab names \/dev\/sda1: /, {
    localNames: [{ setting: "/etc/fstab", device: "/dev/sda1" }],
  }],
  ["names of devices", "warning", /^no root= /, { commandLine: "rw quiet" }],
  ["hibernation", "error", /hibernated system/, {
    storage: { ...healthy.storage, disks: [device("/dev/sdb", { fsType: "swsuspend" })] },
  }],
  ["hibernation", "warning", /resume=\/dev\/sda3/, { initramfsResume: "/dev/sda3" }],
  ["hibernation", "warning", /resume=UUID=2/, { host: { ...host, commandLine: "ro resume=UUID=2" } }],
  ["network programs", "error", /told to manage it by \/etc\/x/, { networkManagerConflicts: ["/etc/x"] }],
  ["network programs", "error", /dhcpcd takes every link/, {
    greedyPrograms: [{ name: "dhcpcd", unit: "dhcpcd.service", file: "/etc/dhcpcd.conf", setting: "denyinterfaces x" }],
  }],
  ["IPv6", "warning", /switched off/, { hasIpv6: false }],
  ["firewall", "ok", /not seen/, { firewall: undefined }],
  ["firewall", "error", /drops ICMPv6/, {
    firewall: { dropsByDefault: true, takesIcmpv6: false, takesDiscovery: true },
  }],
  ["firewall", "warning", /drops what a desktop asks/, {
    firewall: { dropsByDefault: true, takesIcmpv6: true, takesDiscovery: false },
  }],
  ["network cards", "error", /no wired/, { nics: [] }],
  ["network cards", "warning", /half duplex/, {
    nics: [{ name: "enx", driver: "cdc_ncm", hasCarrier: true, speedMbps: undefined }],
  }],
  ["network cards", "warning", /is slow/, {
    nics: [{ name: "eth0", driver: "r8169", hasCarrier: true, speedMbps: 100 }],
  }],
  ["battery", "ok", /none/, { battery: undefined }],
  ["battery", "warning", /80 %, discharging/, { battery: { capacityPercent: 80, isDischarging: true } }],
  ["battery", "error", /12 %, discharging/, { battery: { capacityPercent: 12, isDischarging: true } }],
  ["shared key", "warning", /not there/, { artifacts: { ...artifacts, key: "missing" } }],
  ["shared key", "error", /not 32 bytes/, { artifacts: { ...artifacts, key: "wrong" } }],
  ["shared key", "error", /others can read/, { artifacts: { ...artifacts, key: "open" } }],
  ["image", "warning", /no kernel and no initrd in build/, {
    artifacts: { ...artifacts, hasKernel: false, hasInitrd: false },
  }],
  ["image", "error", /another key/, { artifacts: { ...artifacts, initrdHasKey: false } }],
  ["image", "warning", /older than config/, { artifacts: { ...artifacts, isConfigNewer: true } }],
  ["setup", "warning", /has not run/, { setup: { kind: "never" } }],
  ["setup", "error", /not installed/, { artifacts: { ...artifacts, installed: "missing" } }],
  ["setup", "warning", /another image/, { artifacts: { ...artifacts, installed: "other" } }],
  ["setup", "warning", /not done to its end: build b/, { setup: { kind: "done", unfinished: ["build b"] } }],
  ["setup", "error", /another version/, { setup: { kind: "unknown", message: "Of another version" } }],
];

Deno.test("each fault is found by its check, and has a cure", () => {
  for (const [title, level, found, facts] of cases) {
    const checks = runChecks({ ...healthy, ...facts });
    const check = checks.find((one) => one.title === title);
    assert.equal(check?.level, level, `${title}: ${check?.found}`);
    assert.match(check?.found ?? "", found);
    assert.equal(check?.cure !== undefined, level !== "ok", title);
  }
});

Deno.test("checks fit into 80 columns", () => {
  for (const [, , , facts] of cases) {
    const lines = formatChecks(runChecks({ ...healthy, ...facts }));
    assert.deepEqual(lines.filter((line) => line.length > 80), []);
  }
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
  assert.equal(await contains(system, "/with", needle), true);
  assert.equal(await contains(system, "/without", needle), false);
  assert.equal(await contains(system, "/short", needle), false);
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
  const facts = await gatherDoctorFacts(system, await openHostTree(system), {
    config,
    configPath: "/p/config.yaml",
    keyPath: "/p/aes-key",
    buildDirectory: "/p/build",
  });
  const image = runChecks(facts).find(({ title }) => title === "image");
  assert.deepEqual([image?.level, image?.found], ["ok", "built"]);
});

Deno.test("of a disk's names the one with model and serial number comes first", () => {
  assert.equal(
    sortStableNames([
      "/dev/disk/by-path/pci-1",
      "/dev/disk/by-id/wwn-0x5",
      "/dev/disk/by-id/nvme-eui.0025",
      "/dev/disk/by-id/nvme-Samsung_SSD_980_S1",
      "/dev/disk/by-diskseq/1",
    ])[0],
    "/dev/disk/by-id/nvme-Samsung_SSD_980_S1",
  );
});

Deno.test("what init writes is a configuration without warnings, whatever the names", async () => {
  const base: ConfigChoices = {
    modules: ["system-debian", "lvm"],
    disk: '/dev/disk/by-id/odd"name\\#1',
    bootPartition: { type: "luks", block: "/dev/disk/by-uuid/1", luksBlock: "/dev/disk/by-uuid/2" },
    listens: false,
    onEnd: "poweroff",
    systemName: "Evil\nname: \u{1f600}",
  };
  const { config, warnings } = await loadConfig(formatConfigYaml(base), "config.yaml");
  assert.deepEqual(warnings, []);
  assert.equal(config.boot.disk, base.disk);
  assert.deepEqual(config.boot.part, base.bootPartition);
  assert.equal(config.autokexec.broadcast, false);
  assert.equal(config.server.onEnd, "poweroff");
  assert.ok(config.modules.has("lvm"));
  const bare = formatConfigYaml({ ...base, disk: undefined, bootPartition: undefined, modules: [] });
  assert.deepEqual((await loadConfig(bare, "config.yaml")).warnings, []);
});
