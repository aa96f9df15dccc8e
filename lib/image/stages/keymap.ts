/** Stage "keymap": the keys of the console. Runs `mmdebstrap` as the stage "base" does, and `tar`. */
import { kernelKeymap, parseKeymap } from "../../config/keymap.ts";
import { ExitCode, UserError } from "../../errors.ts";
import { KEYMAP_NAME_PATH, KEYMAP_PATH } from "../../formats/agent_settings.ts";
import { buildCpio } from "../../formats/cpio.ts";
import { hashText } from "../../hash.ts";
import {
  findUnknownLayout,
  formatKeymapHook,
  isBinaryKeymap,
  keymapDirectory,
  keymapFileName,
  keymapWarningsName,
} from "../keymap_hook.ts";
import type { StageRecord } from "../stage_record.ts";
import type { StageContext } from "./context.ts";
import { downloadFolder } from "./download.ts";

/** @throws {UserError} (exit code 2) when `initrd.keymap` names a layout that Debian does not have */
export async function buildKeymap(context: StageContext): Promise<StageRecord> {
  const { system, request, directory } = context;
  const { name, isConfigured } = request.keymap;
  const made = await makeKeymap(context);
  if (!("keymap" in made) && isConfigured) {
    throw new UserError(`Debian ${request.suite} has no keymap "${name}": ${made.reason}`, {
      hints: [`Name another one in "initrd.keymap" of the configuration, as in "de" or "de(nodeadkeys)"`],
      exitCode: ExitCode.usage,
    });
  }
  const text = (line: string): Uint8Array => new TextEncoder().encode(`${line}\n`);
  const archive = buildCpio([
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "directory", path: "etc/stiefelsystem", mode: 0o700 },
    ...("keymap" in made
      ? [
        { kind: "file", path: KEYMAP_PATH.slice(1), mode: 0o600, content: made.keymap } as const,
        { kind: "file", path: KEYMAP_NAME_PATH.slice(1), mode: 0o600, content: text(name) } as const,
      ]
      : []),
  ]);
  await system.writeFile(`${directory}/part.cpio`, archive);
  return {
    fingerprint: hashText(archive),
    part: "part.cpio",
    sizeBytes: archive.length,
    unpackedBytes: archive.length,
    summary: "keymap" in made
      ? name
      : `"${kernelKeymap}": this machine's "${name}" is not known (${made.reason}); initrd.keymap names another one`,
  };
}

type MadeKeymap = { readonly keymap: Uint8Array } | { readonly reason: string };

async function makeKeymap(context: StageContext): Promise<MadeKeymap> {
  const { system, request, directory } = context;
  const keymap = parseKeymap(request.keymap.name);
  if (keymap === undefined) return { reason: "not the form of a keymap's name" };
  await downloadFolder(context, {
    hook: formatKeymapHook(keymap),
    folder: keymapDirectory,
    failure: "Debian's keymaps cannot be fetched",
  });
  const made = `${directory}/${keymapDirectory}`;
  const bytes = await system.readFile(`${made}/${keymapFileName}`);
  const warnings = await system.readText(`${made}/${keymapWarningsName}`);
  await system.remove(made);
  const unknown = findUnknownLayout(warnings);
  if (unknown !== undefined) return { reason: `it does not know ${unknown}` };
  return isBinaryKeymap(bytes) ? { keymap: bytes } : { reason: warnings.split("\n")[0] ?? "" };
}
