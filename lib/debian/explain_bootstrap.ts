/** What apt, mmdebstrap, debootstrap and wget say when they fail -> what is wrong, and what to do about it. Pure. */

export interface Explanation {
  /** Follows "cannot be …: ". */
  readonly found: string;
  readonly hints: readonly string[];
}

export interface BootstrapPlan {
  readonly suite: string;
  readonly mirror: string;
}

interface Rule {
  /**
   * Matches messages of apt 2.6 to 3.0, mmdebstrap 1.3 to 1.5, debootstrap 1.0.128, wget 1.21, wget2 1.99, or the
   * operating system.
   */
  readonly pattern: RegExp;
  readonly explain: (match: RegExpExecArray, plan: BootstrapPlan) => Explanation;
}

const otherMirror = 'Or name another mirror in config.yaml: "image: {mirror: http://deb.debian.org/debian}"';
const clockHint = 'Look at the clock: "date"; set it with "sudo timedatectl set-ntp true"';

/** The first that fits counts: what explains most stands first. */
const rules: readonly Rule[] = [
  {
    pattern: /No space left on device|You don't have enough free space in (\S+?)\.?$|Disk quota exceeded/m,
    explain: ([, place]) => ({
      found: `no space is left${place === undefined ? "" : ` in ${place}`}`,
      hints: ['Make room there, or name another folder with "--cache-dir"'],
    }),
  },
  {
    pattern: /NOSPLIT|NODATA|does the network require authentication/,
    explain: (_, { mirror }) => ({
      found:
        `something other than the mirror answers at ${mirror} (a web page, as a log-in page of a network or a proxy sends it)`,
      hints: ["Open the address in a browser and log in to the network, or leave the proxy out", otherMirror],
    }),
  },
  {
    pattern: /407:?\s+Proxy Auth\w+ Required/,
    explain: () => ({
      found: "a proxy wants a name and a password",
      hints: ['See "apt-config dump | grep -i proxy"', otherMirror],
    }),
  },
  {
    pattern: /is not valid yet \(invalid for another ([^)]+)\)/,
    explain: ([, time]) => ({
      found: `the mirror's list of packages is from the future by ${time}: the clock of this machine is wrong`,
      hints: [clockHint],
    }),
  },
  {
    pattern: /is expired \(invalid since ([^)]+)\)/,
    explain: ([, time]) => ({
      found:
        `the mirror's list of packages expired ${time} ago: the clock of this machine is wrong, or the mirror is not kept up to date`,
      hints: [clockHint, otherMirror],
    }),
  },
  {
    pattern: /Release signed by unknown key|Invalid Release signature/,
    explain: (_, { suite, mirror }) => ({
      found:
        `the list of packages of "${suite}" at ${mirror} is not signed by a key of Debian's that comes with stiefelsystem`,
      hints: ["A newer stiefelsystem may have newer keys (doc/image.md)", otherMirror],
    }),
  },
  {
    pattern:
      /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|KEYEXPIRED|Missing key|Bad PGP signature|signatures? (?:couldn't be|were invalid|is not valid)|No good signature/,
    explain: (_, { suite, mirror }) => ({
      found: `the list of packages of "${suite}" at ${mirror} is not signed by a key that this machine trusts`,
      hints: [
        "Bring Debian's keys up to date: sudo apt-get install --only-upgrade debian-archive-keyring",
        otherMirror,
      ],
    }),
  },
  {
    pattern: /Unable to locate package (\S+)|Package '?([^'\s]+)'? has no installation candidate/,
    explain: ([, missing, empty], { suite }) => ({
      found: `there is no package "${missing ?? empty}" in Debian ${suite}`,
      hints: ['Look at "initrd: include-packages" and "module-configs: debug: extra-packages" in config.yaml'],
    }),
  },
  {
    pattern: /Hash Sum mismatch|File has unexpected size/,
    explain: (_, { mirror }) => ({
      found: `the mirror ${mirror} is being brought up to date, or something on the way changes what it sends`,
      hints: ["Try again in some minutes", otherMirror],
    }),
  },
  {
    pattern: /404:?\s+Not Found|does not have a Release file|File not found/,
    explain: (_, { suite, mirror }) => ({
      found: `the mirror ${mirror} has no suite "${suite}"`,
      hints: [`Look at ${mirror.replace(/\/$/, "")}/dists/ and at "image: suite" and "image: mirror" in config.yaml`],
    }),
  },
  {
    pattern:
      /Could not resolve '([^']+)'|(?:unable to resolve host address .|Failed to resolve )([\w.-]+)|Temporary failure resolving '([^']+)'|Something wicked happened resolving '([^':]+)/,
    explain: ([, ...names]) => ({
      found: `the name "${names.find((name) => name !== undefined)}" cannot be looked up`,
      hints: ["Is this machine on the network, and does its name server answer?", otherMirror],
    }),
  },
  {
    pattern: /certificate verif|Certificate|SSL|TLS|handshake/i,
    explain: (_, { mirror }) => ({
      found: `the certificate of ${mirror} is not trusted`,
      hints: ["See that the package ca-certificates is installed, and that the clock is right", otherMirror],
    }),
  },
  {
    pattern:
      /Connecting to (\S+?)\.\.\. failed|(?:Could not connect to|Cannot initiate the connection to|Unable to connect to) (\S+?)(?: |,|\.$)|Connection timed out|Connection refused|Connection failed|Network is unreachable|timed out/,
    explain: ([, ...hosts], { mirror }) => ({
      found: [
        "the mirror",
        mirror,
        "does not answer",
        ...hosts.flatMap((host) => host === undefined ? [] : `(${host})`),
      ]
        .join(" "),
      hints: ["Is this machine on the network? A firewall or proxy may be in between", otherMirror],
    }),
  },
  {
    pattern: /\b(403:?\s+\w+|50\d:?\s+[A-Z][a-z]+(?: [A-Z][a-z]+)*)/,
    explain: ([, answer], { mirror }) => ({
      found: `the mirror ${mirror} refuses: ${answer?.replace(/:?\s+/g, " ")}`,
      hints: ["Try again in some minutes", otherMirror],
    }),
  },
  {
    pattern: /newuidmap|newgidmap|subuid|subgid|unshare\(\)? failed|user namespace/i,
    explain: () => ({
      found: "this user may not have a user namespace with ids of its own",
      hints: [
        'Install uidmap, and give the user ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
        "Or run this command with sudo",
      ],
    }),
  },
];

/** @param lines what the programs have said, in order. @returns undefined when it is nothing that is known */
export function explainBootstrap(lines: readonly string[], plan: BootstrapPlan): Explanation | undefined {
  const text = lines.join("\n");
  for (const { pattern, explain } of rules) {
    const match = pattern.exec(text);
    if (match !== null) return explain(match, plan);
  }
  return undefined;
}
