/** What a single value of `config.yaml` may be: paths, names, addresses, parameters, hashes. */

import * as v from "valibot";
import { encodeUtf8 } from "../formats/text.ts";
import { COMPRESSOR_WANTED, parseCompressor } from "./compressor.ts";
import { addressFamily, isAddressWithPrefix } from "../formats/address.ts";
import { engineParts } from "../formats/engine.ts";
import { isAddress } from "./addresses.ts";
import { keymapNameMaxLength, parseKeymap } from "./keymap.ts";
import { checkedText, list, MAX_NAME, text } from "./schema_parts.ts";

export const yesOrNo = v.boolean("true or false");

// deno-lint-ignore no-control-regex -- that is what is kept out
const NO_CONTROL = /^[^\x00-\x1f\x7f]+$/;
const hasNoParent = (path: string): boolean => !path.split("/").includes("..");

export const devicePath = text(
  /^\/dev\/[\x21-\x7e]+$/,
  `the absolute path of a block device, as in "/dev/disk/by-id/…"`,
);
export const absolutePath = checkedText(
  (value) => /^\/[^\s]*[^\s/]$/.test(value) && NO_CONTROL.test(value) && hasNoParent(value),
  `an absolute path, as in "/usr/bin/dash"`,
);
export const bootPath = checkedText(
  (value) => NO_CONTROL.test(value) && !value.endsWith("/") && hasNoParent(value),
  `the path of a file on the boot partition, as in "/boot/vmlinuz"`,
);
export const folderPath = checkedText(
  (value) => NO_CONTROL.test(value) && value.trim() === value,
  `the path of a folder, as in "cache"`,
);
export const imagePath = checkedText(
  (value) => NO_CONTROL.test(value) && /[^/]/.test(value) && hasNoParent(value),
  `a path from the image's root on, as in "usr/share/doc"`,
);
const kernelParameter = text(NO_CONTROL, `a kernel parameter, as in "root=UUID=…"`, 2000);
export const kernelParameters = list(kernelParameter, "a list of kernel parameters");
export const macAddress = text(/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, `a MAC address, as in "52:54:00:12:34:56"`);
// Debian policy 5.6.7: lower case letters, digits, plus, minus, dot; two at least, the first a letter or digit.
const packageName = text(
  /^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$/,
  `the name of a Debian package, as in "ethtool" or "libss2:amd64"`,
  MAX_NAME * 2,
);
export const packages = list(packageName, "a list of Debian packages");
export const moduleName = text(/^[a-z0-9][a-z0-9_-]*$/, `the name of a module, as in "debug"`, MAX_NAME);
export const kernelModuleName = text(
  /^[A-Za-z0-9_-]+$/,
  `the name of a kernel module without ".ko", as in "r8152"`,
  MAX_NAME,
);
export const compressor = checkedText((value) => parseCompressor(value) !== undefined, COMPRESSOR_WANTED, 200);
export const keymapName = checkedText(
  (value) => parseKeymap(value) !== undefined,
  `the name of a keymap, as in "de", "de(nodeadkeys)" or "us,ru+grp:alt_shift_toggle"`,
  keymapNameMaxLength,
);
export const onePassword = text(NO_CONTROL, "a password of 1 to 200 characters on one line", 200);
// Suite names become a path on the mirror and an argument of mmdebstrap.
export const suiteName = text(/^[a-z][a-z0-9.-]*$/, `a Debian suite, as in "trixie"`, MAX_NAME);
export const hostName = checkedText(
  (value) => NO_CONTROL.test(value) && encodeUtf8(value).length <= MAX_NAME,
  `a name of at most ${MAX_NAME} bytes on one line`,
);
export const sha256 = text(/^[0-9A-Fa-f]{64}$/, "64 hex digits, as sha256sum prints them", MAX_NAME);
export const commitId = text(/^[0-9A-Fa-f]{40}$/, "40 hex digits, as git rev-parse prints them", MAX_NAME);
export const snapshotName = text(/^\d{8}T\d{6}Z$/, `a state of Debian's archive, as in "20260905T081400Z"`, MAX_NAME);
export const mirrorUrl = checkedText(
  (value) => isAddress(value, ["http:", "https:", "file:"]),
  `a http://, https:// or file:// address without user name and password, "%" only as in "%20", as in "http://deb.debian.org/debian"`,
);
export const sourceUrl = checkedText(
  (value) => isAddress(value, ["https:", "file:"]),
  `a https:// or file:// address of a tar archive or git repository without user name and password, "%" only as in "%20"`,
);
export const makeArgument = checkedText(
  (value) => NO_CONTROL.test(value) && [...value.matchAll(/\{[^{}]*\}/g)].every(([word]) => MAKE_WORDS.includes(word)),
  `an argument of make; known words in braces are {kernelBuild}, {kernelVersion} and {source}`,
);
export const plainAddress = checkedText(
  (value) => v.is(engineParts.address, value),
  `an IPv4 or IPv6 address, as in "192.0.2.10"`,
  MAX_NAME,
);
export const engineAddresses = v.pipe(
  list(plainAddress, "a list of addresses"),
  v.check(
    (all) => all.length >= 1 && all.length <= 4 && new Set(all.map(addressFamily)).size === 1,
    "1 to 4 addresses, all of IPv4 or all of IPv6",
  ),
);
export const addressWithPrefix = checkedText(
  isAddressWithPrefix,
  `an address with its prefix length, as in "192.0.2.50/24"`,
  MAX_NAME,
);
export const qualifiedName = checkedText(
  (value) => v.is(engineParts.subsystem, value),
  `an NVMe qualified name, as in "nqn.2014-08.org.nvmexpress:uuid:…", of at most 128 characters`,
);
export const hostId = checkedText((value) => v.is(engineParts.hostId, value), "a UUID in lower case", MAX_NAME);
const MAKE_WORDS: readonly string[] = ["{kernelBuild}", "{kernelVersion}", "{source}"];
