/**
 * The kernel command line: words as the kernel splits them (lib/cmdline.c, `next_arg`), what a desktop gets of a
 * laptop's command line, and the parameters of our own image (`stiefel.*`).
 */
import { ProtocolError } from "../errors.ts";
import { addressFamily } from "./address.ts";
import { isLaptopWord, LAPTOP_PARAMETER, toLaptopWord } from "./laptop_word.ts";
import { encodeUtf8, isPrintable } from "./text.ts";

/** COMMAND_LINE_SIZE of x86 and arm64 is 2048, with the NUL; a longer line is cut by the kernel, silently. */
export const COMMAND_LINE_MAX_BYTES = 2047;

/** One word of the command line. `value` is absent for a word without "=". */
export interface KernelParameter {
  readonly name: string;
  readonly value?: string;
}

/** The kernel hands what follows this word to init and reads none of it. */
const END_OF_PARAMETERS = "--";

/**
 * Splits a command line into parameters as the kernel does: blanks separate words except within double quotes; quotes
 * around a whole word or a whole value are taken off, others stay. There is no escape character.
 */
export function parseKernelCommandLine(text: string): KernelParameter[] {
  return splitCommandLine(text).map(parseWord);
}

/** Its words as they stand there, quotes included. */
export function splitCommandLine(text: string): string[] {
  // A quote that is never closed reaches to the end, as in the kernel.
  return text.match(/(?:"[^"]*(?:"|$)|[^ \t\n\v\f\r"])+/g) ?? [];
}

function parseWord(word: string): KernelParameter {
  const isQuoted = word.startsWith('"');
  const inner = isQuoted ? word.slice(1) : word;
  // The kernel takes a leading quote off the word or off the value; in both cases one trailing quote goes with it.
  const equals = inner.indexOf("=", 1);
  if (equals < 0) return { name: isQuoted ? withoutTrailingQuote(inner) : inner };
  const name = inner.slice(0, equals);
  const value = inner.slice(equals + 1);
  if (value.startsWith('"')) return { name, value: withoutTrailingQuote(value.slice(1)) };
  return { name, value: isQuoted ? withoutTrailingQuote(value) : value };
}

function withoutTrailingQuote(text: string): string {
  return text.endsWith('"') ? text.slice(0, -1) : text;
}

/**
 * A command line of these parameters, one blank between words, quotes only where they are needed.
 * @throws RangeError when the kernel's syntax cannot express a parameter (for example a value with blanks and a quote)
 */
export function formatKernelCommandLine(parameters: readonly KernelParameter[]): string {
  return parameters.map(formatWord).join(" ");
}

function formatWord(parameter: KernelParameter): string {
  const { name, value } = parameter;
  const candidates = value === undefined
    ? [name, `"${name}"`]
    : [`${name}=${value}`, `${name}="${value}"`, `"${name}=${value}"`];
  for (const word of candidates) {
    const [read, ...others] = parseKernelCommandLine(word);
    // A word that leaves a quote open would swallow what follows it.
    const isClosed = word.split('"').length % 2 === 1;
    if (read?.name === name && read.value === value && others.length === 0 && isClosed) return word;
  }
  throw new RangeError(`The kernel's syntax cannot express the parameter "${name}"`);
}

/**
 * What says how one kernel was started, not how its system wants to be: words of GRUB, of systemd-boot and other boot
 * loaders of UEFI (its initrd by the boot loader's path), of PXELINUX, and of kexec and kdump.
 */
const ONLY_THIS_START = ["BOOT_IMAGE", "initrd", "BOOTIF", "kexec_jump_back_entry", "elfcorehdr"];

/**
 * What a boot loader, a local kernel or our own image put there: of no use, or harmful, when another machine boots the
 * disk.
 */
const NOT_FOR_DESKTOP = new Set([
  ...ONLY_THIS_START,
  ...["resume", "resume_offset", "noresume"],
  // They would set up the link, or a network disk, behind the session's back; without IPv6 the link has no address.
  ...["ip", "nfsaddrs", "ipv6.disable", "nbdroot", "nbddev", "rd.neednet", "netroot"],
]);

/**
 * Memory is cleared when it is given back, and all of it at the start: keys and passphrases do not outlive who had
 * them, on a desktop and on the laptop (doc/decisions/0042). Distributions clear memory when it is taken, which is as
 * much work.
 */
export const CLEARS_MEMORY = "init_on_free=1";

/**
 * The laptop's command line as the desktop gets it: without resume=, resume_offset= (the laptop's hibernation image is
 * not the desktop's), what says how one kernel was started ({@link ONLY_THIS_START}), ip= and its old name nfsaddrs=,
 * ipv6.disable=, nbdroot=, nbddev=, rd.neednet and netroot= (of dracut), with noresume, and with {@link CLEARS_MEMORY}
 * unless it says itself when memory is cleared. All other words stay as they are, in their order.
 */
export function forDesktop(commandLine: string): string {
  const { forKernel, forInit } = splitAtEnd(commandLine);
  const kept = forKernel.filter((word) => !NOT_FOR_DESKTOP.has(nameOfWord(word)));
  const isDecided = kept.some((word) => /^init_on_(?:free|alloc)$/.test(nameOfWord(word)));
  return [...kept, ...isDecided ? [] : [CLEARS_MEMORY], "noresume", ...forInit].join(" ");
}

/**
 * The running kernel's command line as the next start of the same system would have it: without {@link
 * ONLY_THIS_START} and the parameters of our own image. All other words stay as they are, quotes included, in their
 * order.
 */
export function forNextStart(commandLine: string): string {
  const { forKernel, forInit } = splitAtEnd(commandLine);
  const kept = forKernel.filter((word) => {
    const name = nameOfWord(word);
    return !ONLY_THIS_START.includes(name) && !name.startsWith(PREFIX);
  });
  return [...kept, ...forInit].join(" ");
}

function splitAtEnd(
  commandLine: string,
): { readonly forKernel: readonly string[]; readonly forInit: readonly string[] } {
  const words = splitCommandLine(commandLine);
  const end = words.indexOf(END_OF_PARAMETERS);
  return end < 0 ? { forKernel: words, forInit: [] } : { forKernel: words.slice(0, end), forInit: words.slice(end) };
}

/** What `root=` names, without quotes; of several the last one counts. */
export function findRoot(commandLine: string): string | undefined {
  return parseKernelCommandLine(commandLine).findLast(({ name }) => name === "root")?.value;
}

/** The kernel takes "-" and "_" in names as the same (kernel/params.c, `parameq`). */
function nameOfWord(word: string): string {
  return parseWord(word).name.replaceAll("-", "_");
}

export type Role = "server" | "client";
/** What the server does when the desktop is done with the disk. */
export type OnEnd = "reboot" | "poweroff" | "wait";

/** What becomes of a desktop's writes: they are on the laptop's disk, or thrown away when the desktop is done. */
export const modes = ["write", "try"] as const;
export type Mode = typeof modes[number];

/** The kernel parameters of our own image. */
export interface StiefelParameters {
  /** `stiefel.role=` which agent runs. */
  readonly role: Role;
  /** `stiefel.server=` where the client finds the server when discovery does not reach it. */
  readonly server?: string;
  /** `stiefel.laptop=` the laptop that is meant when several answer, as {@link toLaptopWord} writes its name. */
  readonly laptop?: string;
  /** `stiefel.mode=try` what the desktop writes is thrown away in the end; overrides the agent settings. */
  readonly mode?: Mode;
  /** `stiefel.stick=` UUID of the partition on the stick that is kept for a second boot, in lower case. */
  readonly stick?: string;
  /** `stiefel.mtu=` what network cards are set to at most, in bytes: 1500 where larger frames make trouble. */
  readonly mtu?: number;
  /** `stiefel.listen=` the one address the server listens on. */
  readonly listen?: string;
  /** `stiefel.on_end=` overrides the agent settings. */
  readonly onEnd?: OnEnd;
  /**
   * `stiefel.client_timeout=` seconds without a client after which the server ends as `onEnd` says; absent or 0:
   * never.
   */
  readonly clientTimeoutSeconds?: number;
  /** `stiefel.debug` more output. */
  readonly isDebug: boolean;
}

const PREFIX = "stiefel.";
export const STICK_PARAMETER = "stiefel.stick";

/**
 * Reads our own parameters out of a command line; a parameter given twice counts the last time, as is usual for the
 * kernel.
 * @returns the parameters, and the names of those that start with `stiefel.` and are not known here
 * @throws ProtocolError malformed, when the role is missing or a value is not acceptable
 */
export function parseStiefelParameters(
  commandLine: string,
): { readonly parameters: StiefelParameters; readonly unknown: readonly string[] } {
  const read: { -readonly [Key in keyof StiefelParameters]?: StiefelParameters[Key] } & { isDebug: boolean } = {
    isDebug: false,
  };
  const unknown: string[] = [];
  for (const { name, value } of parseKernelCommandLine(commandLine)) {
    if (name === END_OF_PARAMETERS) break;
    if (!name.startsWith(PREFIX)) continue;
    switch (name.replaceAll("-", "_")) {
      case "stiefel.role":
        read.role = oneOf(name, value, ["server", "client"]);
        break;
      case "stiefel.server":
        read.server = address(name, value);
        break;
      case LAPTOP_PARAMETER:
        read.laptop = laptopWord(name, value);
        break;
      case "stiefel.mode":
        read.mode = oneOf(name, value, modes);
        break;
      case STICK_PARAMETER:
        read.stick = partitionUuid(name, value);
        break;
      case "stiefel.mtu":
        read.mtu = mtu(name, value);
        break;
      case "stiefel.listen":
        read.listen = address(name, value);
        break;
      case "stiefel.on_end":
        read.onEnd = oneOf(name, value, ["reboot", "poweroff", "wait"]);
        break;
      case "stiefel.client_timeout":
        read.clientTimeoutSeconds = seconds(name, value);
        break;
      case "stiefel.debug":
        if (value !== undefined) throw new ProtocolError("malformed", `The kernel parameter "${name}" takes no value`);
        read.isDebug = true;
        break;
      default:
        unknown.push(name);
    }
  }
  const { role, ...others } = read;
  if (role === undefined) {
    throw new ProtocolError(
      "malformed",
      'The kernel command line has no "stiefel.role=server" or "stiefel.role=client"',
    );
  }
  return { parameters: { role, ...others }, unknown };
}

function oneOf<const Choice extends string>(
  name: string,
  value: string | undefined,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw new ProtocolError(
      "malformed",
      `The kernel parameter "${name}" has an unknown value, wanted ${choices.join(" or ")}`,
    );
  }
  return choice;
}

function laptopWord(name: string, value: string | undefined): string {
  if (value !== undefined && isLaptopWord(toLaptopWord(value))) return toLaptopWord(value);
  throw new ProtocolError("malformed", `The kernel parameter "${name}" has no name of a laptop`);
}

function mtu(name: string, value = ""): number {
  if (/^\d{4}$/.test(value) && Number(value) >= 1280 && Number(value) <= 9000) return Number(value);
  throw new ProtocolError("malformed", `The kernel parameter "${name}" has no number of bytes from 1280 to 9000`);
}

function partitionUuid(name: string, value = ""): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return value;
  throw new ProtocolError("malformed", `The kernel parameter "${name}" has no UUID in lower case`);
}

/** A longer wait than this is no timeout. */
export const CLIENT_TIMEOUT_MAX_SECONDS = 7 * 24 * 60 * 60;

function seconds(name: string, value: string | undefined): number {
  if (value === undefined || !/^(?:0|[1-9]\d{0,6})$/.test(value) || Number(value) > CLIENT_TIMEOUT_MAX_SECONDS) {
    throw new ProtocolError(
      "malformed",
      `The kernel parameter "${name}" has no number of seconds from 0 to ${CLIENT_TIMEOUT_MAX_SECONDS}`,
    );
  }
  return Number(value);
}

/** An IP address, or a host name of letters, digits, dots and hyphens; a zone is allowed after an IPv6 address. */
function address(name: string, value: string | undefined): string {
  const host = (value ?? "").replace(/%[A-Za-z0-9._-]{1,15}$/, "");
  const isHostName = host === value && /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host);
  if (value === undefined || !(addressFamily(host) !== undefined || isHostName)) {
    throw new ProtocolError("malformed", `The kernel parameter "${name}" has no address`);
  }
  return value;
}

/** Our own parameters as words of a command line, in one fixed order. */
export function formatStiefelParameters(parameters: StiefelParameters): string {
  const words: KernelParameter[] = [{ name: "stiefel.role", value: parameters.role }];
  if (parameters.server !== undefined) words.push({ name: "stiefel.server", value: parameters.server });
  if (parameters.laptop !== undefined) words.push({ name: LAPTOP_PARAMETER, value: parameters.laptop });
  if (parameters.mode !== undefined) words.push({ name: "stiefel.mode", value: parameters.mode });
  if (parameters.stick !== undefined) words.push({ name: STICK_PARAMETER, value: parameters.stick });
  if (parameters.mtu !== undefined) words.push({ name: "stiefel.mtu", value: String(parameters.mtu) });
  if (parameters.listen !== undefined) words.push({ name: "stiefel.listen", value: parameters.listen });
  if (parameters.onEnd !== undefined) words.push({ name: "stiefel.on_end", value: parameters.onEnd });
  if (parameters.clientTimeoutSeconds !== undefined) {
    words.push({ name: "stiefel.client_timeout", value: String(parameters.clientTimeoutSeconds) });
  }
  if (parameters.isDebug) words.push({ name: "stiefel.debug" });
  return formatKernelCommandLine(words);
}

/** Whether a command line can be handed to a kernel: no control characters, not longer than the kernel reads. */
export function isKernelCommandLine(text: string): boolean {
  return isPrintable(text) && encodeUtf8(text).length <= COMMAND_LINE_MAX_BYTES;
}
