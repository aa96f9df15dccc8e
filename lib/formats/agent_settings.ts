/**
 * The settings of the agents inside the image: a JSON file that the image builder writes from the configuration and
 * the agents read, because they never read YAML.
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import { modes } from "./kernel_command_line.ts";
import { EngineSchema } from "./engine.ts";
import { isMac } from "./address.ts";
import { securities } from "./security.ts";
import { formatJsonLine, integer, type JsonFormat, type Parsed, parseJsonLine, printable } from "./json.ts";

/** Where the file is inside the image. */
export const AGENT_SETTINGS_PATH = "/etc/stiefelsystem/agent.json";
/** Where the shared key is inside the image: 32 raw bytes, mode 0600. */
export const AGENT_KEY_PATH = "/etc/stiefelsystem/aes-key";
/**
 * The keymap of the image's console, in the form busybox' loadkmap reads, and a line with its name; without them it is
 * the kernel's own.
 */
export const KEYMAP_PATH = "/etc/stiefelsystem/keymap";
export const KEYMAP_NAME_PATH = "/etc/stiefelsystem/keymap.name";
/** A settings file never grows beyond this. */
const AGENT_SETTINGS_MAX_BYTES = 16 * 1024;

const path = printable(4096);

const BootPartition = v.strictObject({
  /** Whether the partition that holds /boot is encrypted. */
  type: v.picklist(["plain", "luks"]),
  /** Block device of it. */
  block: path,
  /** For LUKS: the block device of the encrypted partition. */
  luksBlock: v.exactOptional(path),
});

const BootLoad = v.strictObject({
  kernel: path,
  initrd: path,
  cmdline: v.pipe(v.array(printable(2048)), v.maxLength(256)),
});

const AgentSettingsSchema = v.strictObject({
  version: v.literal(1),
  boot: v.strictObject({
    /** The disk to serve; absent: the agent finds the only candidate. */
    disk: v.exactOptional(path),
    part: v.exactOptional(BootPartition),
    /** What to boot; absent: what the disk's own boot loader would. */
    load: v.exactOptional(BootLoad),
  }),
  /** Who can read the disk's blocks on their way; absent: the default. */
  security: v.exactOptional(v.picklist(securities)),
  /** The only transport that may lend the disk; absent: the first that laptop and desktop have. */
  transport: v.exactOptional(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/))),
  /** What becomes of what this machine writes as a desktop; absent: it is on the laptop's disk. */
  mode: v.exactOptional(v.picklist(modes)),
  /** What lends the disk in place of the laptop. */
  engine: v.exactOptional(EngineSchema),
  /** Starting desktops over the network; absent: off. */
  netboot: v.exactOptional(v.strictObject({
    /** MAC addresses of the only cards on which that is done. */
    macs: v.pipe(v.array(v.pipe(v.string(), v.check(isMac, "a MAC address"))), v.minLength(1), v.maxLength(16)),
  })),
  /** Laptop and desktop meet on this VLAN of each card; absent: on the cards themselves. */
  vlan: v.exactOptional(integer(1, 4094)),
  onEnd: v.picklist(["reboot", "poweroff", "wait"]),
  /** What the machine calls itself towards others. */
  name: v.exactOptional(printable(64)),
});

export type AgentSettings = Parsed<typeof AgentSettingsSchema>;

const FORMAT: JsonFormat<AgentSettings> = {
  what: "The agent settings file",
  schema: AgentSettingsSchema,
  maxBytes: AGENT_SETTINGS_MAX_BYTES,
};

/** Only to tell a newer file from a broken one. */
const VersionSchema = v.object({ version: integer(2, 1_000_000) });

/**
 * The text of the settings file: one line of JSON and a newline.
 * @throws ProtocolError malformed or oversize
 */
export function formatAgentSettings(settings: AgentSettings): string {
  return formatJsonLine(settings, FORMAT);
}

/**
 * Reads the text of the settings file.
 * @throws ProtocolError truncated (no newline at the end), unknown-version, malformed or oversize
 */
export function parseAgentSettings(text: string): AgentSettings {
  try {
    return parseJsonLine(text, FORMAT);
  } catch (error) {
    if (isNewerVersion(text)) {
      throw new ProtocolError("unknown-version", "The agent settings file has a version this program does not know");
    }
    throw error;
  }
}

function isNewerVersion(text: string): boolean {
  if (text.length > AGENT_SETTINGS_MAX_BYTES) return false;
  try {
    return v.is(VersionSchema, JSON.parse(text));
  } catch {
    return false;
  }
}
