/** What a stick is made of, without anything that was built; for tests of the command. */

import type { StickMaker } from "../../lib/cli/commands/setup_client_usbdrive.ts";
import type { StickUpdate } from "../../lib/media/update_stick.ts";
import type { System } from "../../lib/system/system.ts";

const mebibyte = 1024 * 1024;
/** Another byte in each sector than in the next. */
export const stickImage = new Uint8Array(8 * mebibyte);
for (let at = 0; at < stickImage.length; at += 512) stickImage.fill((at >>> 9) + 1, at, at + 512);

export function createTestMaker(
  system: System,
  {
    plan = { kind: "foreign", reason: "its partition table is not one of ours" },
    neededBytes = 420_000_000,
    keys = { own: "0123-4567-89ab-cdef", others: [] },
  }: {
    readonly plan?: StickUpdate;
    readonly neededBytes?: number;
    readonly keys?: Awaited<ReturnType<StickMaker["fingerprintKeys"]>>;
  } = {},
): StickMaker {
  return {
    measure: () => Promise.resolve(neededBytes),
    fingerprintKeys: () => Promise.resolve(keys),
    makeImage: async ({ path, sizeBytes = neededBytes }) => {
      await system.writeFile(path, stickImage, { mode: 0o600 });
      return { path, sizeBytes, extents: [{ offset: 0, sizeBytes: stickImage.length }] };
    },
    looksOurs: ({ label, children }) => [label, ...children.map((child) => child.label)].includes("STIEFEL"),
    planUpdate: async (readAt) => {
      await readAt(0, 1000);
      return plan;
    },
  };
}
