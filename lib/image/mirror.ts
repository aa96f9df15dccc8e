/** Where Debian packages come from: what the host's own apt uses, else Debian's own address. Pure. */

export const debianMirror = "http://deb.debian.org/debian";

/**
 * Finds a mirror of the main Debian archive in apt's sources: the one-line format and deb822 (sources.list(5)).
 * @param files contents of /etc/apt/sources.list and /etc/apt/sources.list.d/*
 * @returns undefined when the files name none (another distribution, or only security and third parties)
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
