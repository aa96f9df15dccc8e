/**
 * The shape of `config.yaml`: every key, what it may hold, and its default. The loader, the JSON Schema for editors
 * and the test of doc/config.md are all made from this.
 *
 * The message of each check says what the value must be; the loader puts what it found before that.
 */

import { encodeUtf8 } from "../formats/text.ts";
import * as v from "valibot";
import { COMPRESSOR_WANTED, parseCompressor } from "./compressor.ts";
import { keymapNameMaxLength, parseKeymap } from "./keymap.ts";
import { MODULE_CATALOG } from "./module_catalog.ts";

/** Longest text and list that are taken; real ones are far below. */
const MAX_TEXT = 4096;
const MAX_ITEMS = 1000;
/** Bound for names of modules, suites and machines. */
const MAX_NAME = 64;

/** Text that matches a pattern without control characters. */
function text(pattern: RegExp, wanted: string, maxLength = MAX_TEXT): v.GenericSchema<string> {
  return v.pipe(
    v.string(wanted),
    v.maxLength(maxLength, `${wanted}, of at most ${maxLength} characters`),
    v.regex(pattern, wanted),
  );
}

/** Text with a rule that no regular expression holds. */
function checkedText(
  isRight: (value: string) => boolean,
  wanted: string,
  maxLength = MAX_TEXT,
): v.GenericSchema<string> {
  return v.pipe(
    v.string(wanted),
    v.maxLength(maxLength, `${wanted}, of at most ${maxLength} characters`),
    v.check(isRight, wanted),
  );
}

function list<Item extends v.GenericSchema>(
  item: Item,
  wanted: string,
): v.GenericSchema<v.InferInput<Item>[], v.InferOutput<Item>[]> {
  return v.pipe(v.array(item, wanted), v.maxLength(MAX_ITEMS, `at most ${MAX_ITEMS} items`));
}

type Described<Value extends v.GenericSchema> = v.SchemaWithPipe<
  readonly [Value, v.DescriptionAction<v.InferOutput<Value>, string>]
>;

interface KeyProperties {
  /**
   * The key decides what is lent to desktops, when the laptop listens and restarts, what is put on the laptop, or who
   * can log in. Who mistypes it must not get the default: an unknown name that looks like this one is an error.
   */
  readonly guards?: true;
}

/** A value with what it is for. */
function described<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  { guards }: KeyProperties = {},
): Described<Value> {
  const guard = guards ? [v.metadata({ guards })] : [];
  // valibot's types know no pipe of a variable length.
  return (v.pipe as (...parts: readonly unknown[]) => unknown)(schema, v.description(purpose), ...guard) as Described<
    Value
  >;
}

/** A key that may be left out, and is then `fallback`. */
function key<Value extends v.GenericSchema>(
  schema: Value,
  fallback: v.InferInput<Value>,
  purpose: string,
  properties?: KeyProperties,
): v.OptionalSchema<Described<Value>, v.InferInput<Value>> {
  return v.optional(described(schema, purpose, properties), fallback);
}

/** A key that may be left out, and has no value then. */
function optionalKey<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  properties?: KeyProperties,
): v.OptionalSchema<Described<Value>, undefined> {
  return v.optional(described(schema, purpose, properties), undefined);
}

/** A key that has to be there when its group is. */
function neededKey<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  properties?: KeyProperties,
): Described<Value> {
  return described(schema, purpose, properties);
}

type Section<Entries extends v.ObjectEntries> = v.NullishSchema<
  v.ObjectSchema<Entries, string>,
  v.InferInput<v.ObjectSchema<Entries, string>>
>;

/**
 * A group of keys that may all be left out. Left out itself, or with nothing but comments in it, all its keys have
 * their defaults.
 */
function section<Entries extends v.ObjectEntries>(entries: Entries): Section<Entries> {
  // The compiler cannot see for any `Entries` that all of them may be left out.
  return v.nullish(v.object(entries, "a mapping"), {} as v.InferInput<v.ObjectSchema<Entries, string>>);
}

function wholeNumber(most: number, wanted: string): v.GenericSchema<number> {
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(0, wanted), v.maxValue(most, wanted));
}

const yesOrNo = v.boolean("true or false");

// deno-lint-ignore no-control-regex -- that is what is kept out
const NO_CONTROL = /^[^\x00-\x1f\x7f]+$/;
const hasNoParent = (path: string): boolean => !path.split("/").includes("..");

const devicePath = text(/^\/dev\/[\x21-\x7e]+$/, `the absolute path of a block device, as in "/dev/disk/by-id/…"`);
const absolutePath = checkedText(
  (value) => /^\/[^\s]*[^\s/]$/.test(value) && NO_CONTROL.test(value) && hasNoParent(value),
  `an absolute path, as in "/usr/bin/dash"`,
);
const bootPath = checkedText(
  (value) => NO_CONTROL.test(value) && !value.endsWith("/") && hasNoParent(value),
  `the path of a file on the boot partition, as in "/boot/vmlinuz"`,
);
const folderPath = checkedText(
  (value) => NO_CONTROL.test(value) && value.trim() === value,
  `the path of a folder, as in "cache"`,
);
const imagePath = checkedText(
  (value) => NO_CONTROL.test(value) && /[^/]/.test(value) && hasNoParent(value),
  `a path from the image's root on, as in "usr/share/doc"`,
);
const kernelParameter = text(NO_CONTROL, `a kernel parameter, as in "root=UUID=…"`, 2000);
const kernelParameters = list(kernelParameter, "a list of kernel parameters");
const macAddress = text(/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, `a MAC address, as in "52:54:00:12:34:56"`);
// Debian policy 5.6.7: lower case letters, digits, plus, minus, dot; two at least, the first a letter or digit.
const packageName = text(
  /^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$/,
  `the name of a Debian package, as in "ethtool" or "libss2:amd64"`,
  MAX_NAME * 2,
);
const packages = list(packageName, "a list of Debian packages");
const moduleName = text(/^[a-z0-9][a-z0-9_-]*$/, `the name of a module, as in "debug"`, MAX_NAME);
const kernelModuleName = text(/^[A-Za-z0-9_-]+$/, `the name of a kernel module without ".ko", as in "r8152"`, MAX_NAME);
const compressor = checkedText((value) => parseCompressor(value) !== undefined, COMPRESSOR_WANTED, 200);
const keymapName = checkedText(
  (value) => parseKeymap(value) !== undefined,
  `the name of a keymap, as in "de", "de(nodeadkeys)" or "us,ru+grp:alt_shift_toggle"`,
  keymapNameMaxLength,
);
const onePassword = text(NO_CONTROL, "a password of 1 to 200 characters on one line", 200);
// Suite names become a path on the mirror and an argument of mmdebstrap.
const suiteName = text(/^[a-z][a-z0-9.-]*$/, `a Debian suite, as in "trixie"`, MAX_NAME);
const hostName = checkedText(
  (value) => NO_CONTROL.test(value) && encodeUtf8(value).length <= MAX_NAME,
  `a name of at most ${MAX_NAME} bytes on one line`,
);
const sha256 = text(/^[0-9A-Fa-f]{64}$/, "64 hex digits, as sha256sum prints them", MAX_NAME);
const commitId = text(/^[0-9A-Fa-f]{40}$/, "40 hex digits, as git rev-parse prints them", MAX_NAME);
const mirrorUrl = checkedText(
  (value) => isUrl(value, ["http:", "https:", "file:"]),
  `a http://, https:// or file:// address without user name and password, as in "http://deb.debian.org/debian"`,
);
const sourceUrl = checkedText(
  (value) => isUrl(value, ["https:", "file:"]),
  `a https:// or file:// address of a tar archive or git repository without user name and password`,
);
const makeArgument = checkedText(
  (value) => NO_CONTROL.test(value) && [...value.matchAll(/\{[^{}]*\}/g)].every(([word]) => MAKE_WORDS.includes(word)),
  `an argument of make; known words in braces are {kernelBuild}, {kernelVersion} and {source}`,
);
const MAKE_WORDS: readonly string[] = ["{kernelBuild}", "{kernelVersion}", "{source}"];

function isUrl(value: string, protocols: readonly string[]): boolean {
  if (!/^[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password, pathname } = new URL(value);
  if (!protocols.includes(protocol) || username !== "" || password !== "") return false;
  return protocol === "file:"
    ? hostname === "" && /^file:\/\/\/[^/]/.test(value) && pathname.length > 1
    : /^https?:\/\/[^/]/.test(value);
}

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
        "Debian packages whose files are left out; one that is not installed means nothing",
      ),
    }),
  }),
  image: section({
    suite: key(suiteName, "trixie", "Debian suite the image is made from"),
    mirror: optionalKey(mirrorUrl, "Debian mirror; without it the one that the host's own apt uses, else Debian's"),
    agents: key(
      v.picklist(["auto", "compile", "bundle"], `"auto", "compile" or "bundle"`),
      "auto",
      "Form of the agents: auto takes compile when a denort can be had, else bundle",
    ),
    firmware: key(yesOrNo, true, "Firmware files for network cards"),
  }),
  server: section({
    "on-end": key(
      v.picklist(["reboot", "poweroff", "wait"], `"reboot", "poweroff" or "wait"`),
      "reboot",
      "What the laptop does when the desktop has gone: reboot into its own system, power off, or wait for the next one",
      guards,
    ),
    name: optionalKey(hostName, "Name of the laptop on the desktop's screen; without it its host name"),
  }),
  paths: pathsSchema,
  "module-configs": v.nullish(v.objectWithRest({ debug: debugSchema }, driverSchema, "a mapping"), {}),
}, "a mapping of sections, as in config-example.yaml");

export type RawConfig = v.InferOutput<typeof configSchema>;
