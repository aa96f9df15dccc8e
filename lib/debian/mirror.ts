/** Where Debian packages come from: what the host's own apt uses, else Debian's own address. */
import type { System } from "../system/system.ts";

export const debianMirror = "http://deb.debian.org/debian";

/** @returns undefined without apt, or when its sources name no mirror of Debian's main archive */
export async function readAptMirror(system: System): Promise<string | undefined> {
  const directory = "/etc/apt/sources.list.d";
  const names = await system.readDirectory(directory).catch(() => []);
  const paths = ["/etc/apt/sources.list", ...names.map((name) => `${directory}/${name}`)];
  return findDebianMirror(await Promise.all(paths.map((path) => system.readText(path).catch(() => ""))));
}

/**
 * Finds a mirror of the main Debian archive in apt's sources: the one-line format and deb822 (sources.list(5)).
 * @param files contents of /etc/apt/sources.list and /etc/apt/sources.list.d/*
 * @returns undefined when the files name none (another distribution, or only security and third parties). Pure.
 */
export function findDebianMirror(files: readonly string[]): string | undefined {
  return files.flatMap(readAddresses).find(isDebianArchive);
}

function readAddresses(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const oneLine = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s/.exec(line);
    if (oneLine?.[1] !== undefined) return [oneLine[1]];
    const field = /^URIs:\s*(.*)$/i.exec(line);
    return field?.[1]?.split(/\s+/) ?? [];
  });
}

/** Mirrors end in "/debian"; "/debian-security" and others do not hold the whole suite. */
function isDebianArchive(address: string): boolean {
  return /^https?:\/\/[^\s]+\/debian\/?$/.test(address);
}
