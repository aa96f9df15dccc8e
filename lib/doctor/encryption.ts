/** Whether a desktop can unlock what is encrypted. */

import * as v from "valibot";
import { outputIfItWorks } from "../host/ask_program.ts";
import { flattenDevices, isLuks } from "../host/storage_facts.ts";
import { parseKernelCommandLine } from "../formats/kernel_command_line.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, unknown, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { listContainers } from "../formats/mount_tables.ts";
import { readCrypttab } from "./names.ts";

export interface LuksFacts {
  readonly device: string;
  /** Number of key slots that no token (TPM2, FIDO2, clevis) unlocks; undefined when it could not be read. */
  readonly passphraseSlots: number | undefined;
  /** Token types: "systemd-tpm2", "clevis", … */
  readonly tokens: readonly string[];
}

export interface EncryptionFacts {
  /** Containers on the disk that is served; undefined where it is not known which disk that is. */
  readonly luks: readonly LuksFacts[] | undefined;
  /** Settings that take a key from a file on another device, as a stick. */
  readonly keyDevices: readonly KeyDevice[];
}

/** A setting, and the device it has the key on. */
export interface KeyDevice {
  readonly setting: string;
  readonly device: string;
}

export async function examineEncryption(context: DoctorContext): Promise<readonly Check[]> {
  const { system, tree, served, commandLine } = context;
  const containers = flattenDevices(served === undefined ? [] : [served]).filter(isLuks);
  return runChecks(encryptionChecks, {
    luks: served && await Promise.all(containers.map(({ path }) => readLuks(system, path))),
    keyDevices: findKeyDevices({ commandLine, crypttab: await unlessRefused(readCrypttab(tree), undefined) }),
  });
}

export const encryptionChecks: readonly CheckOf<EncryptionFacts>[] = [["encryption", checkLuks]];

function checkLuks({ luks, keyDevices }: EncryptionFacts): Verdict {
  const [key] = keyDevices;
  if (luks === undefined) {
    if (key !== undefined) return describeKey(key);
    return unknown("not checked: doctor does not know which disk a desktop gets", "Set boot.disk in config.yaml");
  }
  const bad = luks.find((container) => container.passphraseSlots === 0);
  if (bad !== undefined) {
    return error(
      `${bad.device} opens on this machine only (${bad.tokens.join(", ")})`,
      `Add a passphrase: cryptsetup luksAddKey ${bad.device}`,
    );
  }
  const unread = luks.find((container) => container.passphraseSlots === undefined);
  if (unread !== undefined) {
    return hidden(`the key slots of ${unread.device} could not be read`, ", with cryptsetup installed");
  }
  if (key !== undefined) return describeKey(key);
  return ok(luks.length === 0 ? "none" : `a passphrase opens ${luks.map((container) => container.device).join(", ")}`);
}

function describeKey({ setting, device }: KeyDevice): Verdict {
  return warning(
    `${setting} takes a key from ${device}, which a desktop does not have`,
    "Plug that device into the desktop, or add a passphrase that can be typed there",
  );
}

/**
 * Keys on devices of their own: `FILE:DEVICE` in the third field of crypttab(5), a device itself there (but
 * /dev/urandom and the like); `cryptkey=DEVICE:…` of mkinitcpio's hook `encrypt` (`rootfs:` is a file in the
 * initramfs); `rd.luks.key=FILE:DEVICE…` of dracut.cmdline(7) and systemd-cryptsetup-generator(8).
 */
export function findKeyDevices(
  { commandLine, crypttab }: { readonly commandLine: string; readonly crypttab: string | undefined },
): readonly KeyDevice[] {
  const inFile = listContainers(crypttab).flatMap(({ name, key }) => {
    const device = isDevice(key) ? key : /^[^:]*:(.+)$/.exec(key)?.[1];
    return device === undefined ? [] : [{ setting: `/etc/crypttab (${name})`, device }];
  });
  const parameters = parseKernelCommandLine(commandLine).flatMap(({ name, value = "" }) => {
    if (name === "cryptkey") {
      const device = value.split(":")[0] ?? "";
      return device === "rootfs" || device === "" ? [] : [{ setting: "cryptkey=", device }];
    }
    if (name !== "rd.luks.key" && name !== "luks.key") return [];
    // UUID=FILE:DEVICE or FILE:DEVICE[:CONTAINER]
    const device = /^(?:[0-9a-fA-F-]{36}=)?[^:]*:([^:]+)/.exec(value)?.[1];
    return device === undefined ? [] : [{ setting: `${name}=`, device }];
  });
  return [...inFile, ...parameters];
}

function isDevice(key: string): boolean {
  return /^(?:\/dev\/(?!u?random$|null$|zero$)|(?:PART)?(?:UUID|LABEL)=)/.test(key) && !key.includes(":");
}

const luksSchema = v.object({
  keyslots: v.record(v.string(), v.unknown()),
  tokens: v.record(v.string(), v.object({ type: v.string(), keyslots: v.array(v.string()) })),
});

/** Tokens whose secret people can type on any machine. */
const typedTokens = ["systemd-recovery", "luks2-keyring"];

/**
 * @param metadata output of `cryptsetup luksDump --dump-json-metadata` (LUKS2 On-Disk Format Specification, section 3)
 */
export function parseLuksMetadata(device: string, metadata: string): LuksFacts {
  const { keyslots, tokens } = v.parse(luksSchema, JSON.parse(metadata));
  const list = Object.values(tokens);
  const bound = new Set(list.filter(({ type }) => !typedTokens.includes(type)).flatMap((token) => token.keyslots));
  return {
    device,
    passphraseSlots: Object.keys(keyslots).filter((slot) => !bound.has(slot)).length,
    tokens: list.map(({ type }) => type),
  };
}

async function readLuks(system: System, device: string): Promise<LuksFacts> {
  const metadata = await outputIfItWorks(system, ["cryptsetup", "luksDump", "--dump-json-metadata", device]);
  if (metadata !== undefined) return parseLuksMetadata(device, metadata);
  // LUKS1 has no such metadata, and nothing but passphrases and key files.
  const isLuks1 = await outputIfItWorks(system, ["cryptsetup", "isLuks", "--type", "luks1", device]) !== undefined;
  return { device, passphraseSlots: isLuks1 ? 1 : undefined, tokens: [] };
}
