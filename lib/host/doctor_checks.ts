/** What `doctor` thinks of the facts: one check each, with what was found and what cures it. Pure. */

import { basename } from "node:path/posix";
import { separateInitramfs } from "../initramfs/generator.ts";
import { DISCOVERY_PORT } from "../protocol/discovery.ts";
import { parseKernelCommandLine } from "../protocol/kernel_command_line.ts";
import { namesRoot } from "./device_names.ts";
import type { ArtifactFacts, DoctorFacts, LuksFacts } from "./doctor_facts.ts";
import type { NicFacts } from "./doctor_network_facts.ts";
import { backupDirectory } from "./journal.ts";
import { flattenDevices } from "./storage_facts.ts";
import { wrapLine } from "./wrap_line.ts";

export type CheckLevel = "ok" | "warning" | "error";

export interface Check {
  readonly title: string;
  readonly level: CheckLevel;
  readonly found: string;
  /** A concrete next step; absent when all is well. */
  readonly cure?: string;
}

interface Verdict {
  readonly level: CheckLevel;
  readonly found: string;
  readonly cure?: string;
}

const ok = (found: string): Verdict => ({ level: "ok", found });
const warning = (found: string, cure: string): Verdict => ({ level: "warning", found, cure });
const error = (found: string, cure: string): Verdict => ({ level: "error", found, cure });

const checks: readonly (readonly [title: string, decide: (facts: DoctorFacts) => Verdict])[] = [
  ["distribution", checkDistribution],
  ["programs", checkPrograms],
  ["initramfs generator", checkGenerator],
  ["kernel for desktops", checkKernel],
  ["initramfs for desktops", checkInitramfs],
  ["kexec", checkKexec],
  ["Secure Boot", checkSecureBoot],
  ["disk", checkDisk],
  ["other disks", checkOtherDisks],
  ["names of devices", checkNames],
  ["encryption", checkLuks],
  ["hibernation", checkHibernation],
  ["network programs", checkNetworkPrograms],
  ["IPv6", checkIpv6],
  ["firewall", checkFirewall],
  ["network cards", checkNics],
  ["battery", checkBattery],
  ["shared key", checkKey],
  ["image", checkImage],
  ["setup", checkSetup],
];

/** All checks, in a fixed order. */
export function runChecks(facts: DoctorFacts): readonly Check[] {
  return checks.map(([title, decide]) => ({ title, ...decide(facts) }));
}

function checkDistribution({ host }: DoctorFacts): Verdict {
  const { distribution } = host;
  if (distribution === undefined) {
    return warning("not one that is known here", "See doc/distros/README.md for how one is added");
  }
  const { prettyName, isDerivative } = distribution;
  return ok(isDerivative ? `${prettyName}, treated as ${distribution.distribution.name}` : prettyName);
}

function checkPrograms({ host, nbdClientHasNetlink }: DoctorFacts): Verdict {
  if (host.missing.length === 0 && nbdClientHasNetlink === false) {
    return error("nbd-client is built without netlink", "Install one that has it (Gentoo: USE=netlink)");
  }
  if (host.missing.length === 0) return ok("all there");
  const distribution = host.distribution?.distribution;
  const packages = host.missing.map((need) => distribution?.packages[need] ?? need).join(" ");
  const cure = distribution === undefined
    ? `Install ${packages}`
    : `${distribution.installCommand.join(" ")} ${packages}`;
  return error(`missing: ${host.missing.join(", ")}`, cure);
}

function checkGenerator({ generator }: DoctorFacts): Verdict {
  return generator === undefined
    ? error(
      "none that is known here",
      "Install initramfs-tools, dracut or mkinitcpio, whichever your distribution uses",
    )
    : ok(generator);
}

function checkKernel({ host, missingModules }: DoctorFacts): Verdict {
  if (host.kernel === undefined) return error("no installed kernel was found", "Install your distribution's kernel");
  if (missingModules.length > 0) {
    return error(
      `${host.kernel.release} has no module ${missingModules.join(", ")}`,
      "Install the package with the kernel's extra modules, or build it with CONFIG_BLK_DEV_NBD=m",
    );
  }
  return ok(host.kernel.release);
}

function checkInitramfs(facts: DoctorFacts): Verdict {
  if (facts.generator === undefined) return warning("nothing is known of it", "See the generator above");
  if (!facts.hasSeparateInitramfs) {
    return warning(`${separateInitramfs} is not there`, "Run setup-server");
  }
  const { bootKernel, bootFileProblem, chosenInitramfs, host } = facts;
  if (bootFileProblem !== undefined) return error(bootFileProblem, "Put it right, or run setup-server");
  // Paths there may be relative to /boot, or to its file system.
  if (chosenInitramfs !== undefined && basename(chosenInitramfs) !== basename(separateInitramfs)) {
    return warning(
      `boot.load in config.yaml names another, ${chosenInitramfs}`,
      `Name ${separateInitramfs} there, or take boot.load out: the laptop's own fits the laptop only`,
    );
  }
  if (bootKernel !== undefined && !bootKernel.isThere) {
    return error(`/boot/stiefelsystem.json names ${bootKernel.path}, which is not there`, "Run setup-server");
  }
  if (bootKernel !== undefined && !bootKernel.isNewest) {
    return warning(`${bootKernel.path} is not the newest kernel, ${host.kernel?.image}`, "Run setup-server");
  }
  return ok("for any machine");
}

function checkKexec(facts: DoctorFacts): Verdict {
  if (!facts.hasKexec) return error("the kernel has none", "Run a kernel with CONFIG_KEXEC_FILE=y");
  if (facts.isKexecDisabled) {
    return error("switched off (kernel.kexec_load_disabled=1)", "Look for it in /etc/sysctl.d, take it out and reboot");
  }
  return ok("possible");
}

/** Locked down, a kernel only starts kernels signed by a key it trusts, by kexec_file_load (kernel_lockdown(7)). */
function checkSecureBoot({ isSecureBoot, lockdown, imageKernel, trustedKeys }: DoctorFacts): Verdict {
  if (lockdown === undefined) return ok(isSecureBoot ? "on, the kernel is not locked down" : "off");
  const locked = `the kernel is locked down (${lockdown})`;
  if (imageKernel === undefined) {
    return warning(`${locked}: it starts signed kernels only`, "Build the image, and run doctor again");
  }
  const { path, signature } = imageKernel;
  if (signature.kind === "none") {
    return error(
      `${locked}, and ${path} is not signed`,
      "Build the image with a signed kernel, as Debian's linux-image-amd64 is, or switch Secure Boot off in the firmware",
    );
  }
  if (signature.kind === "broken") {
    return error(`${locked}, and ${path} is not what was signed`, "Build the image again, and run setup-server");
  }
  const signer = signature.names.at(-1) ?? "somebody unknown";
  if (trustedKeys === undefined) {
    return warning(`${locked}; whether it trusts "${signer}", who signed ${path}, is not seen`, "Run doctor as root");
  }
  // A key is called after its certificate's organization, common name, or both (x509_fabricate_name in the kernel).
  if (signature.names.some((name) => trustedKeys.some((key) => key.endsWith(name)))) {
    return ok(`${locked}, and trusts "${signer}", who signed ${path}`);
  }
  return error(
    `${locked}, and does not trust "${signer}", who signed ${path}`,
    "Enroll that certificate with mokutil --import, and reboot; or switch Secure Boot off in the firmware",
  );
}

function checkDisk({ disk, storage }: DoctorFacts): Verdict {
  const rootDisk = storage.root?.devices[0];
  if (disk === undefined) {
    return rootDisk === undefined
      ? warning("not configured, and / lies on no disk", "Set boot.disk in config.yaml")
      : ok(`not configured: the server takes the one it finds (here ${rootDisk.path})`);
  }
  if (disk.found === undefined) {
    return error(`${disk.path} is not there`, "Correct boot.disk in config.yaml; init finds the name");
  }
  if (disk.found.type !== "disk") {
    return error(
      `${disk.path} is no whole disk but a ${disk.found.type}`,
      "Set boot.disk in config.yaml to the disk it lies on",
    );
  }
  if (rootDisk !== undefined && rootDisk.path !== disk.found.path) {
    return warning(`${disk.path} is not the disk of /`, "Is that what you want? A desktop boots what is on boot.disk");
  }
  return ok(disk.path);
}

function checkOtherDisks({ mountsElsewhere }: DoctorFacts): Verdict {
  const [first] = mountsElsewhere;
  if (first === undefined) return ok("none is needed");
  const { mountPoint, disk: { path } } = first;
  return mountPoint === "/"
    ? error(`the system is on ${path}, too: a desktop gets one disk`, "Move it to one disk")
    : warning(
      `${mountPoint} is on ${path}: a desktop gets one disk, and does not start without`,
      'Add "nofail" to its line in /etc/fstab',
    );
}

function checkNames({ localNames, commandLine }: DoctorFacts): Verdict {
  const [first] = localNames;
  if (first !== undefined) {
    const { setting, device } = first;
    const elsewhere = "on a desktop that is nothing, or a disk of its own";
    return setting.endsWith("=")
      ? error(`${setting}${device}: ${elsewhere}`, "Name it by UUID= there; lsblk -o NAME,UUID shows it")
      : warning(
        `${setting} names ${device}: ${elsewhere}`,
        'Name it by UUID= there (lsblk -o NAME,UUID shows it), or add "nofail" to what may be missing',
      );
  }
  if (commandLine !== "" && !namesRoot(commandLine)) {
    return warning(
      "no root= on the kernel command line: a desktop is not told where the system is",
      "Add root=UUID=… to the kernel command line",
    );
  }
  return ok("the same on a desktop");
}

function checkLuks({ luks }: DoctorFacts): Verdict {
  const bad = luks.find((container) => container.passphraseSlots === 0);
  if (bad !== undefined) return error(describeLuks(bad), `Add a passphrase: cryptsetup luksAddKey ${bad.device}`);
  const unknown = luks.find((container) => container.passphraseSlots === undefined);
  if (unknown !== undefined) {
    return warning(
      `the key slots of ${unknown.device} could not be read`,
      "Run doctor as root, with cryptsetup installed",
    );
  }
  return ok(luks.length === 0 ? "none" : `a passphrase opens ${luks.map((container) => container.device).join(", ")}`);
}

function describeLuks({ device, tokens }: LuksFacts): string {
  return `${device} opens on this machine only (${tokens.join(", ")})`;
}

function checkHibernation({ storage, host, initramfsResume, luks }: DoctorFacts): Verdict {
  if (flattenDevices(storage.disks).some((device) => device.fsType === "swsuspend")) {
    return error(
      "a hibernated system is on the disk",
      "Start that system and shut it down: the disk is not served like this",
    );
  }
  const resume = parseKernelCommandLine(host.commandLine).find(({ name }) => name === "resume")?.value ??
    initramfsResume;
  if (resume === undefined) return ok("not set up");
  return warning(
    `set up (resume=${resume})`,
    luks.length === 0
      ? "Never hibernate before using the disk from a desktop; a hibernated disk is refused"
      : "Never hibernate before using the disk from a desktop: behind encryption only the desktop can see it, and refuses",
  );
}

function checkNetworkPrograms({ networkManagerConflicts, greedyPrograms }: DoctorFacts): Verdict {
  const [greedy] = greedyPrograms;
  if (greedy !== undefined) {
    return error(
      `${greedy.name} takes every link, the one to the disk too`,
      `Put "${greedy.setting}" into ${greedy.file}`,
    );
  }
  if (networkManagerConflicts.length === 0) return ok("leave the stiefel link alone");
  return error(
    `NetworkManager is told to manage it by ${networkManagerConflicts.join(", ")}`,
    "Take stiefel0 out there, or the desktop loses its disk",
  );
}

function checkIpv6({ hasIpv6 }: DoctorFacts): Verdict {
  if (hasIpv6) return ok("on");
  return warning(
    "switched off: a desktop cannot ask this system, only the image",
    "Remove ipv6.disable=1 from the kernel command line, net.ipv6.conf.all.disable_ipv6=1 from sysctl",
  );
}

/** Whatever a firewall drops on the laptop it drops on the desktop, too: it is the same system. */
function checkFirewall({ firewall }: DoctorFacts): Verdict {
  if (firewall === undefined) return ok("not seen (root and nft would show it)");
  if (!firewall.dropsByDefault) return ok("lets the stiefel link through");
  if (!firewall.takesIcmpv6) {
    return error("drops ICMPv6: the desktop loses its disk after a minute", "Accept icmpv6 in its input chain");
  }
  if (!firewall.takesDiscovery) {
    return warning(
      "drops what a desktop asks: this system will not turn into a server",
      `Accept UDP port ${DISCOVERY_PORT} in its input chain`,
    );
  }
  return ok("lets the stiefel link through");
}

const slowMbps = 1000;

function checkNics({ nics }: DoctorFacts): Verdict {
  if (nics.length === 0) return error("no wired network card", "Plug in a USB or Thunderbolt one");
  const describe = ({ name, driver, speedMbps }: NicFacts): string =>
    `${name} (${driver}${speedMbps === undefined ? "" : `, ${speedMbps} Mbit/s`})`;
  const found = nics.map(describe).join(", ");
  const halfDuplex = nics.find((nic) => nic.driver === "cdc_ncm");
  if (halfDuplex !== undefined) {
    return warning(`${found}: cdc_ncm runs Realtek cards in half duplex`, 'Add "r8152" to modules in config.yaml');
  }
  const slow = nics.find((nic) => nic.speedMbps !== undefined && nic.speedMbps < slowMbps);
  if (slow !== undefined) {
    return warning(`${found}: ${slow.name} is slow`, "Use a better cable or card: 1 Gbit/s or more");
  }
  return ok(found);
}

const lowPercent = 30;

function checkBattery({ battery }: DoctorFacts): Verdict {
  if (battery === undefined) return ok("none");
  const { capacityPercent, isDischarging } = battery;
  if (!isDischarging) return ok(`${capacityPercent} %, on mains`);
  const cure = "Plug the laptop in: when it runs empty, the desktop's disk is gone";
  const found = `${capacityPercent} %, discharging`;
  return capacityPercent < lowPercent ? error(found, cure) : warning(found, cure);
}

function checkKey({ artifacts }: DoctorFacts): Verdict {
  switch (artifacts.key) {
    case "missing":
      return warning("not there", "Run create-initrd: it makes one");
    case "wrong":
      return error("not 32 bytes", "Remove the file; create-initrd makes a new one");
    case "open":
      return error("others can read it", "chmod 600 it, and think about making a new one");
    case "good":
      return ok("there, for its owner only");
  }
}

function checkImage({ artifacts }: DoctorFacts): Verdict {
  const build = "Run create-initrd";
  const missing = missingArtifacts(artifacts);
  if (missing.length > 0) return warning(`no ${missing.join(" and no ")} in ${artifacts.directory}`, build);
  if (artifacts.initrdHasKey === false) {
    return error("built with another key", `${build}, then setup-server, and write the stick again`);
  }
  if (artifacts.isConfigNewer) return warning("older than config.yaml", build);
  return ok(artifacts.initrdHasKey === undefined ? "built" : "built, fits the key");
}

function missingArtifacts({ hasKernel, hasInitrd }: ArtifactFacts): readonly string[] {
  return [...hasKernel ? [] : ["kernel"], ...hasInitrd ? [] : ["initrd"]];
}

function checkSetup({ setup, artifacts }: DoctorFacts): Verdict {
  if (setup.kind === "never") return warning("setup-server has not run here", "Run setup-server");
  if (setup.kind === "unknown") return error(setup.message, `The originals are beside it, in ${backupDirectory}`);
  if (artifacts.installed === "missing") {
    return error("the image is not installed: setup-server was ended early, or a step skipped", "Run setup-server");
  }
  if (setup.unfinished.length > 0) {
    return warning(`not done to its end: ${setup.unfinished.join(", ")}`, "Run setup-server");
  }
  if (artifacts.installed === "other") {
    return warning("another image is installed than the one built last", "Run setup-server");
  }
  return ok("done");
}

const marks: Readonly<Record<CheckLevel, string>> = { ok: "ok", warning: "warn", error: "ERROR" };

/** Checks as lines of at most 80 columns where words allow. */
export function formatChecks(list: readonly Check[]): readonly string[] {
  const width = Math.max(...list.map((check) => check.title.length));
  return list.flatMap(({ level, title, found, cure }) => [
    ...wrapLine(`${marks[level].padEnd(6)}${title.padEnd(width)}  ${found}`, width + 8),
    ...cure === undefined ? [] : wrapLine(`${" ".repeat(width + 8)}-> ${cure}`, width + 11),
  ]);
}
