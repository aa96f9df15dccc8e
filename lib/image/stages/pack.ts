/** Stage "pack": the parts one after the other are the initrd; beside it the kernel and the manifest. */
import { createHash } from "node:crypto";
import { formatSnapshot } from "../../debian/snapshot_name.ts";
import { packageRecordDirectory, parsePackageVersions, releaseDateName } from "../../debian/unpack_packages.ts";
import { formatManifest } from "../manifest.ts";
import { hashFile, hashText } from "../../hash.ts";
import type { StageName } from "../stage.ts";
import type { StageRecord } from "../stage_record.ts";
import { archivePaddingBytes, buildCpio, type CpioEntry } from "../../formats/cpio.ts";
import { COMPLETE_PATH, formatPublicInitrd, PUBLIC_INITRD_PATH } from "../../formats/public_initrd.ts";
import { encodeUtf8 } from "../../formats/text.ts";
import type { System } from "../../system/system.ts";
import { treeName } from "./base.ts";
import { findKernelVersion } from "./kernel_version.ts";
import type { StageContext } from "./context.ts";

/** In this order the kernel unpacks them; a later file replaces an earlier one of the same name. */
export const partNames: readonly StageName[] = [
  "trim",
  "drivers",
  "overlay",
  "keymap",
  "runtime",
  "agents",
  "netboot",
  "secrets",
];

/**
 * An archive of one empty file, the last of the initrd: the kernel stops unpacking when memory runs out, and goes on
 * without a word; a machine where this file is missing knows.
 */
export const endName = "end.cpio";

/** From here on an initrd is for the server alone. */
const serverParts: readonly StageName[] = ["netboot", "secrets"];

/** @param parts the ones that are wanted, in order */
export async function buildPack(context: StageContext, parts: readonly StageName[]): Promise<StageRecord> {
  const { system, request, directory, progress } = context;
  const tree = `${context.result("base").directory}/${treeName}`;
  const version = await findKernelVersion(system, tree);
  progress.note("joining");
  const results = parts.map((name) => ({ name, ...context.result(name) }));
  const paths = (names: typeof results): readonly string[] =>
    names.map(({ directory: place, record }) => `${place}/${record.part}`);
  const publicPart = parts.includes("netboot")
    ? await describePublic(system, paths(results.filter(({ name }) => !serverParts.includes(name))))
    : [];
  const complete = { kind: "file", path: COMPLETE_PATH.slice(1), mode: 0o644, content: new Uint8Array() } as const;
  await system.writeFile(`${directory}/${endName}`, buildCpio([...publicPart, complete]));
  const files = [
    ...paths(results),
    `${directory}/${endName}`,
  ];
  const holdsSecret = parts.includes("secrets");
  await system.writeStream(`${directory}/initrd`, joinFiles(system, files), { mode: holdsSecret ? 0o600 : 0o644 });
  await system.writeStream(`${directory}/kernel`, await system.openRead(`${tree}/boot/vmlinuz-${version}`));
  const describe = async (name: string): Promise<{ sizeBytes: number; sha256: string }> => ({
    sizeBytes: (await system.stat(`${directory}/${name}`))?.sizeBytes ?? 0,
    sha256: await hashFile(system, `${directory}/${name}`),
  });
  const snapshot = formatSnapshot(await system.readText(`${tree}/${packageRecordDirectory}/${releaseDateName}`));
  const manifest = formatManifest({
    architecture: request.architecture,
    kernel: { ...await describe("kernel"), version },
    initrd: { ...await describe("initrd"), holdsSecret },
    agents: request.agentForm,
    isDebug: request.isDebug,
    parts: results.map(({ name, record }) => ({
      name,
      sizeBytes: record.sizeBytes ?? 0,
      unpackedBytes: record.unpackedBytes ?? 0,
      summary: record.summary,
    })),
    debian: {
      suite: request.suite,
      mirror: request.mirror,
      ...snapshot === undefined ? {} : { snapshot },
    },
    packages: parsePackageVersions(await system.readText(`${tree}/${packageRecordDirectory}/packages.tsv`)),
  });
  await system.writeFile(`${directory}/manifest.json`, manifest);
  return { fingerprint: hashText(manifest), summary: `Linux ${version}` };
}

/** Which bytes of the initrd a desktop without a key may have: those in front of the server's parts. */
async function describePublic(system: System, paths: readonly string[]): Promise<readonly CpioEntry[]> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const piece of joinFiles(system, paths)) {
    hash.update(piece);
    sizeBytes += piece.length;
  }
  const text = formatPublicInitrd({ version: 1, sizeBytes, sha256: hash.digest("hex") });
  return [{ kind: "file", path: PUBLIC_INITRD_PATH.slice(1), mode: 0o600, content: encodeUtf8(text) }];
}

/** Zero bytes between parts, so that the kernel finds each of them. */
function joinFiles(system: System, paths: readonly string[]): ReadableStream<Uint8Array> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const path of paths) {
      let length = 0;
      for await (const piece of await system.openRead(path)) {
        length += piece.length;
        yield piece;
      }
      yield new Uint8Array(archivePaddingBytes(length));
    }
  }
  return ReadableStream.from(pieces());
}
