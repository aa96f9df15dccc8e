/**
 * The settings of the autokexec agent on the laptop: a JSON file that setup-server writes from the configuration and
 * the agent reads, because it never reads YAML.
 */
import * as v from "valibot";
import { formatJsonLine, type JsonFormat, type Parsed, parseJsonLine, printable } from "./json.ts";
import { isMac } from "./address.ts";
import { COMMAND_LINE_MAX_BYTES } from "./kernel_command_line.ts";

/** Where the file is on the laptop. */
export const AUTOKEXEC_SETTINGS_PATH = "/etc/stiefelsystem/autokexec.json";
/** Where the shared key is on the laptop: 32 raw bytes, mode 0600. */
export const AUTOKEXEC_KEY_PATH = "/etc/stiefelsystem/aes-key";
/** A settings file never grows beyond this. */
const AUTOKEXEC_SETTINGS_MAX_BYTES = 64 * 1024;

const path = v.pipe(printable(4096), v.startsWith("/"));

const AutokexecSettingsSchema = v.strictObject({
  version: v.literal(1),
  /** Whether to listen for authenticated discovery. */
  listens: v.boolean(),
  /** What the machine calls itself towards desktops; absent: its host name. */
  name: v.exactOptional(printable(64)),
  /** Network cards whose appearance is taken as a desktop asking; lower case, with colons. */
  macs: v.pipe(v.array(v.pipe(v.string(), v.check(isMac))), v.maxLength(1000)),
  /** The image to kexec into, and its kernel command line. */
  kernel: path,
  initrd: path,
  commandLine: printable(COMMAND_LINE_MAX_BYTES),
  /** How long the announcement is shown before the machine is shut down. */
  countdownSeconds: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(3600)),
});

export type AutokexecSettings = Parsed<typeof AutokexecSettingsSchema>;

const FORMAT: JsonFormat<AutokexecSettings> = {
  what: "The autokexec settings file",
  schema: AutokexecSettingsSchema,
  maxBytes: AUTOKEXEC_SETTINGS_MAX_BYTES,
};

/**
 * The text of the settings file: one line of JSON and a newline.
 * @throws ProtocolError malformed or oversize
 */
export function formatAutokexecSettings(settings: AutokexecSettings): string {
  return formatJsonLine(settings, FORMAT);
}

/**
 * Reads the text of the settings file.
 * @throws ProtocolError truncated (no newline at the end), malformed or oversize
 */
export function parseAutokexecSettings(text: string): AutokexecSettings {
  return parseJsonLine(text, FORMAT);
}
