/**
 * The shape of `config.yaml`: every key, what it may hold, and its default. The loader, the JSON Schema for editors
 * and the test of doc/config.md are all made from this.
 *
 * The message of each check says what the value must be; the loader puts what it found before that.
 */

import * as v from "valibot";
import { architectureNames, usualArchitecture } from "../architecture.ts";
import { modes } from "../formats/kernel_command_line.ts";
import { defaultSecurity, securities } from "../formats/security.ts";
import { transportSettings } from "../protocol/session_groups.ts";
import { MODULE_CATALOG } from "./module_catalog.ts";
import { key, list, neededKey, optionalKey, section, wholeNumber } from "./schema_parts.ts";
import {
  absolutePath,
  addressWithPrefix,
  bootPath,
  commitId,
  compressor,
  devicePath,
  engineAddresses,
  folderPath,
  hostId,
  hostName,
  imagePath,
  kernelModuleName,
  kernelParameters,
  keymapName,
  macAddress,
  makeArgument,
  mirrorUrl,
  moduleName,
  onePassword,
  packages,
  plainAddress,
  qualifiedName,
  sha256,
  snapshotName,
  sourceUrl,
  suiteName,
  yesOrNo,
} from "./values.ts";

const guards = { guards: true } as const;

const bootPart = v.object({
  type: neededKey(
    v.picklist(["plain", "luks"], `"plain" or "luks"`),
    "plain: `block` can be mounted as it is; luks: what is inside appears when `luks_block` is opened",
    guards,
  ),
  block: optionalKey(
    devicePath,
    "File system with kernel and initramfs; needed with plain. With luks: the volume inside, when it is on one",
    guards,
  ),
  luks_block: optionalKey(
    devicePath,
    "LUKS container, opened with the passphrase typed at the desktop; needed with luks",
    guards,
  ),
}, "a mapping, as in {type: plain, block: /dev/disk/by-partlabel/boot}");

const bootLoad = v.object({
  kernel: neededKey(bootPath, "Kernel that the desktop boots", guards),
  initrd: neededKey(bootPath, "Its initramfs", guards),
  cmdline: neededKey(
    kernelParameters,
    "Its kernel parameters; `root=` names the laptop's root file system",
    guards,
  ),
}, "a mapping");

/** A storage system that lends the disk by NVMe/TCP in place of the laptop. */
const engineSchema = v.object({
  addresses: neededKey(
    engineAddresses,
    "Where it listens: 1 to 4 addresses of one kind, as ways to the same disk",
    guards,
  ),
  port: key(wholeNumber(65535, "a port from 1 to 65535", 1), 4420, "TCP port there", guards),
  subsystem: neededKey(qualifiedName, "NVMe qualified name of the disk's subsystem", guards),
  namespace: key(
    wholeNumber(4294967294, "a whole number from 1 to 4294967294", 1),
    1,
    "Number of the disk in the subsystem",
    guards,
  ),
  host: neededKey(qualifiedName, "NVMe qualified name by which it knows the desktop", guards),
  "host-id": optionalKey(hostId, "UUID of the desktop there; without it that of `host`, or one made of it", guards),
  "secret-file": optionalKey(
    absolutePath,
    "File with the desktop's secret (DH-HMAC-CHAP), and in a second line the engine's own; without it the engine knows the desktop by its name alone",
    guards,
  ),
  desktop: neededKey(
    addressWithPrefix,
    "Address of the desktop on the link over which it finds the laptop, with its prefix length",
    guards,
  ),
  gateway: optionalKey(plainAddress, "Router on that link, where the engine is behind one", guards),
  mtu: optionalKey(
    wholeNumber(65535, "a whole number from 1280 to 65535", 1280),
    "MTU of that link; without it the card's own",
    guards,
  ),
}, "a mapping, as in doc/fleet.md");

/** Options of a module that is compiled from source. */
const driverSchema = v.nullish(
  v.object({
    url: optionalKey(
      sourceUrl,
      "Source archive (tar), or git repository with `commit`; https:// or file://. Without it, the source that is known for the module",
    ),
    sha256: optionalKey(sha256, "SHA-256 of the archive", guards),
    commit: optionalKey(commitId, "Commit of the git repository, its whole id", guards),
    make: optionalKey(
      list(makeArgument, "a list of arguments for make"),
      "Arguments of make, run in the source folder",
    ),
    modules: optionalKey(
      list(kernelModuleName, "a list of kernel modules"),
      "Kernel modules that make builds, to be installed",
    ),
  }, "a mapping"),
  {},
);

const debugSchema = section({
  "better-shell": key(absolutePath, "/usr/bin/bash", "Takes the place of `initrd.shell`"),
  "dont-exclude-packages": key(yesOrNo, true, "Ignore `initrd.packing.exclude-packages`"),
  "dont-exclude-paths": key(yesOrNo, true, "Ignore `initrd.packing.exclude-paths`"),
  "faster-compressor": key(compressor, "zstd -3 -T0", "Takes the place of `initrd.packing.compressor`"),
  "extra-packages": key(
    packages,
    [
      "bash",
      "curl",
      "ethtool",
      "gdisk",
      "iputils-ping",
      "less",
      "lsof",
      "nano",
      "pciutils",
      "procps",
      "psmisc",
      "strace",
      "tcpdump",
      "usbutils",
    ],
    "Debian packages that come on top of `initrd.include-packages`",
  ),
});

const pathsSchema = section({
  cache: optionalKey(
    folderPath,
    "Where stages and downloaded packages are kept; without it `stiefelsystem` in the user's cache folder",
  ),
  workdir: optionalKey(folderPath, "Where `kernel`, `initrd` and `manifest.json` are put; without it `build`"),
  "workdir-subpaths": section({
    cpio: optionalKey(folderPath, "No longer used"),
    initrd: optionalKey(folderPath, "No longer used"),
    "initrd-devel": optionalKey(folderPath, "No longer used"),
  }),
});

export const configSchema = v.object({
  modules: key(
    list(moduleName, "a list of modules"),
    ["base"],
    `What the image is made of: ${
      MODULE_CATALOG.map(({ name }) => name).join(", ")
    }, and names under \`module-configs\``,
  ),
  boot: section({
    disk: optionalKey(
      devicePath,
      "The whole disk that desktops use; without it the disk that the laptop's system ran from, or, where the image was started by hand, the only built-in one. A name below /dev/disk/ counts more than the disk the system ran from; one like /dev/sda does not, since it may be another disk's in the image",
      guards,
    ),
    part: v.nullish(bootPart, undefined),
    load: v.nullish(bootLoad, undefined),
  }),
  autokexec: section({
    broadcast: key(yesOrNo, true, "Turn the laptop into a server when a desktop with the same key asks for it", guards),
    mac_detection: key(yesOrNo, false, "Do so, too, when one of `macs` is plugged in", guards),
    macs: key(
      list(macAddress, "a list of MAC addresses"),
      [],
      "MAC addresses of network cards; only read with `mac_detection`",
      guards,
    ),
    countdown_s: key(
      wholeNumber(3600, "a whole number of seconds from 0 to 3600"),
      10,
      "Seconds between the announcement at the laptop and the restart; until then it can be cancelled",
      guards,
    ),
    client_timeout_min: key(
      wholeNumber(10080, "a whole number of minutes from 0 to 10080"),
      15,
      "The laptop that has turned itself into a server does what `server.on-end` says after so many minutes without a desktop; 0: never",
      guards,
    ),
  }),
  "server-setup": section({
    "stiefelsystem-kernel": key(
      absolutePath,
      "/var/local/lib/stiefelsystem/kernel",
      "Where the image's kernel is put on the laptop",
      guards,
    ),
    "stiefelsystem-initrd": key(
      absolutePath,
      "/var/local/lib/stiefelsystem/initrd",
      "Where the image's initrd is put on the laptop",
      guards,
    ),
    cmdline: key(kernelParameters, [], "Kernel parameters of the image when the laptop starts it", guards),
  }),
  initrd: section({
    "include-packages": key(packages, [], "Debian packages that come on top of those of the modules"),
    shell: key(absolutePath, "/bin/sh", "Login shell of root"),
    password: key(
      onePassword,
      "stiefel",
      "Root's password with the module `debug`; without that module root cannot log in",
      guards,
    ),
    keymap: optionalKey(
      keymapName,
      "Keys of the image's console, with which a passphrase is typed at a desktop: a layout as X has it, or a keymap of kbd; without it those of the machine that builds the image",
    ),
    packing: section({
      compressor: key(
        compressor,
        "zstd -12 --long=21 -T0",
        "Program that packs the initrd: cat, gzip, pigz, zstd, xz, lz4 or bzip2 with options",
      ),
      "exclude-paths": key(
        list(imagePath, "a list of paths"),
        [
          "boot",
          "etc/apt",
          "usr/lib/apt",
          "usr/lib/dpkg",
          "usr/share/bash-completion",
          "usr/share/bug",
          "usr/share/common-licenses",
          "usr/share/doc",
          "usr/share/doc-base",
          "usr/share/info",
          "usr/share/initramfs-tools",
          "usr/share/keyrings",
          "usr/share/lintian",
          "usr/share/locale",
          "usr/share/man",
          "usr/share/zoneinfo",
          "usr/share/zsh",
          "var/cache",
          "var/lib/apt",
          "var/lib/dpkg",
          "var/log",
        ],
        "Files and folders that are left out, from the image's root on",
      ),
      "exclude-packages": key(
        packages,
        ["apt", "debconf", "initramfs-tools", "initramfs-tools-core", "libapt-pkg7.0", "perl-base"],
        "Debian packages whose files are left out; names of packages that are not installed are ignored",
      ),
    }),
  }),
  image: section({
    suite: key(suiteName, "trixie", "Debian suite the image is made from"),
    mirror: optionalKey(mirrorUrl, "Debian mirror; without it the one that the host's own apt uses, else Debian's"),
    architecture: key(
      v.picklist(architectureNames, architectureNames.map((name) => `"${name}"`).join(" or ")),
      usualArchitecture,
      "Processor architecture of laptop and desktops, by Debian's name",
    ),
    snapshot: optionalKey(
      snapshotName,
      "State of Debian's archive that the image is made from, as `debian.snapshot` of a manifest.json names it: the " +
        "same packages on any day. It comes from snapshot.debian.org, or from `mirror`, if that is such a service",
    ),
    agents: key(
      v.picklist(["auto", "compile", "bundle"], `"auto", "compile" or "bundle"`),
      "auto",
      "Form of the agents: auto takes compile when a denort can be had, else bundle",
    ),
    firmware: key(yesOrNo, true, "Firmware files for network cards"),
  }),
  block: section({
    security: key(
      v.picklist(securities, `"wireguard" or "none"`),
      defaultSecurity,
      "Who on the cable can read and write the disk's blocks: wireguard encrypts them by keys of each session; none leaves " +
        "them as they are, for a cable of your own",
      guards,
    ),
    transport: key(
      v.picklist(
        transportSettings,
        transportSettings.map((name) => `"${name}"`).join(", ").replace(/, (?=[^,]*$)/, " or "),
      ),
      "auto",
      `How the disk gets to the desktop; \`auto\` takes the first that the laptop's initramfs for desktops and the stick have, in this order`,
      guards,
    ),
    mode: key(
      v.picklist(modes, `"write" or "try"`),
      "write",
      "What becomes of what a desktop writes: write, it is on the laptop's disk; try, it is in the laptop's memory and " +
        "thrown away when the desktop shuts down",
      guards,
    ),
    engine: v.nullish(engineSchema),
  }),
  server: section({
    "on-end": key(
      v.picklist(["reboot", "poweroff", "wait"], `"reboot", "poweroff" or "wait"`),
      "reboot",
      "What the laptop does when the desktop has gone: reboot into its own system, power off, or wait for the next one",
      guards,
    ),
    name: optionalKey(hostName, "Name of the laptop on the desktop's screen; without it its host name"),
    "pass-on-from": key(
      list(macAddress, "a list of MAC addresses"),
      [],
      "Cards of the laptop, by MAC address, whose wired network a desktop on another cable gets, too (routing with NAT)",
      guards,
    ),
    "pass-on-to": key(
      list(macAddress, "a list of MAC addresses"),
      [],
      "Cards of the laptop, by MAC address, with the cable to a desktop that gets it",
      guards,
    ),
  }),
  network: section({
    vlan: optionalKey(
      wholeNumber(4094, "a whole number from 1 to 4094", 1),
      "Number of the VLAN (802.1Q, tagged) on which laptop and desktop meet and the disk goes; without it the cards themselves",
      guards,
    ),
  }),
  netboot: section({
    links: key(
      list(macAddress, "a list of MAC addresses"),
      [],
      "MAC addresses of the laptop's network cards on which it starts desktops over the network (PXE, UEFI HTTP boot) while it is a server; none: it does not",
      guards,
    ),
    cmdline: key(kernelParameters, [], "Further kernel parameters of the image on such a desktop", guards),
  }),
  paths: pathsSchema,
  "module-configs": v.nullish(v.objectWithRest({ debug: debugSchema }, driverSchema, "a mapping"), {}),
}, "a mapping of sections, as in config-example.yaml");

export type RawConfig = v.InferOutput<typeof configSchema>;
