import assert from "node:assert/strict";
import { initramfsTools } from "./initramfs_tools.ts";

const hostOverlays = new URL("../../image/host/", import.meta.url);

/** Every file below a folder, as absolute paths of the target. */
function listFiles(folder: URL, path = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) =>
    entry.isDirectory
      ? listFiles(new URL(`${entry.name}/`, folder), `${path}/${entry.name}`)
      : [`${path}/${entry.name}`]
  );
}

Deno.test("every file of the overlays is installed, and nothing else", () => {
  for (const layer of ["generic", "initramfs-tools"] as const) {
    const listed = initramfsTools.files.filter((file) => file.layer === layer).map((file) => file.path);
    assert.deepEqual(listFiles(new URL(`${layer}/`, hostOverlays)).sort(), listed.toSorted());
  }
});

Deno.test("the overlay's files have the modes they are installed with", () => {
  for (const { layer, path, mode } of initramfsTools.files) {
    const status = Deno.statSync(new URL(`${layer}${path}`, hostOverlays));
    // A clone keeps only whether a file may be executed.
    assert.equal((status.mode ?? 0) & 0o100, mode & 0o100, path);
  }
});
