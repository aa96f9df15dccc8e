/** How this machine fetches and unpacks Debian's packages: with mmdebstrap, or with one that debootstrap fetches. */
import { detectDistribution, type DetectedDistribution } from "../distro/detect_distribution.ts";
import { programDirectories, type System } from "../system/system.ts";

/** Where Debian's package of keys puts them: there on Debian, not on its descendants. */
export const hostKeyring = {
  path: "/usr/share/keyrings/debian-archive-keyring.gpg",
  package: "debian-archive-keyring",
} as const;

export type BootstrapWay = "mmdebstrap" | "debootstrap";

/** What building the image takes. debootstrap fetches with wget, verifies with gpgv, and reads its lists with perl. */
export const buildPrograms: Readonly<Record<BootstrapWay, readonly string[]>> = {
  mmdebstrap: ["mmdebstrap", "bsdtar", "tar", "zstd", "xz", "depmod"],
  debootstrap: ["debootstrap", "gpgv", "perl", "wget", "bsdtar", "tar", "zstd", "xz", "depmod"],
};

/** mmdebstrap is taken where all of it is there, and where apt can install what is missing of it. */
export async function findBootstrapWay(system: System): Promise<BootstrapWay> {
  if (await isAptHost(system)) return "mmdebstrap";
  const isComplete = await hasProgram(system, "mmdebstrap") && await hasProgram(system, "apt-get") &&
    await system.stat(hostKeyring.path) !== undefined;
  return isComplete ? "mmdebstrap" : "debootstrap";
}

/** Whether apt installs programs here: other distributions may have it as a tool for Debian's archives. */
export async function isAptHost(system: System): Promise<boolean> {
  if (!await hasProgram(system, "apt-get") || !await hasProgram(system, "dpkg")) return false;
  const distribution = (await readDistribution(system))?.distribution;
  return distribution === undefined || distribution.installCommand[0] === "apt-get";
}

export async function hasProgram(system: System, name: string): Promise<boolean> {
  const paths = name.startsWith("/") ? [name] : programDirectories.map((directory) => `${directory}/${name}`);
  const statuses = await Promise.all(paths.map((path) => system.stat(path)));
  return statuses.some((status) => status !== undefined);
}

/** What the running system is; undefined for one that we do not know. */
export async function readDistribution(system: System): Promise<DetectedDistribution | undefined> {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    if (await system.stat(path) !== undefined) return detectDistribution(await system.readText(path));
  }
  return undefined;
}
