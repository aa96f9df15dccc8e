import assert from "node:assert/strict";
import { handovers } from "../../tests/support/protocol_samples.ts";
import { encodeUtf8 } from "./text.ts";
import {
  formatHandover,
  type Handover,
  HANDOVER_DIRECTORY,
  type HandoverFiles,
  pairOf,
  parseHandover,
  planHandoverArchive,
  sizeOfPiece,
} from "./handover.ts";

Deno.test("a handover survives a round trip; tests/vectors/handover.json has what is refused", () => {
  for (const handover of handovers) assert.deepEqual(parseHandover(formatHandover(handover)), handover);
});

Deno.test("what is handed over is where the server reads it, as cpio(1) unpacks it behind another archive", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const contents = { initrd: "", kernel: "k".repeat(4097), microcode: "m".repeat(3), initramfs: "i".repeat(10_001) };
    for (const [name, content] of Object.entries(contents)) {
      await Deno.writeTextFile(`${directory}/${name}`, content);
    }
    const file = (name: keyof typeof contents): HandoverFiles["kernel"] => ({
      path: `${directory}/${name}`,
      sizeBytes: contents[name].length,
    });
    const files = { kernel: file("kernel"), initramfs: [file("microcode"), file("initramfs")] };
    const handover: Handover = {
      version: 1,
      disk: { sizeBytes: 1, path: "/dev/sda" },
      commandLine: "ro",
      pair: pairOf(files),
    };
    const pieces = planHandoverArchive({ initrd: file("initrd"), handover, files });
    const parts = pieces.map((piece) => piece.kind === "file" ? Deno.readFileSync(piece.path) : piece.bytes);
    assert.deepEqual(parts.map(({ length }) => length), pieces.map(sizeOfPiece));
    // The padding that stands between two archives.
    const archive = new Uint8Array(await new Blob(parts).arrayBuffer()).subarray(4);
    await Deno.writeFile(`${directory}/archive`, archive);
    const unpacked = `${directory}/root`;
    await Deno.mkdir(`${unpacked}/etc/stiefelsystem`, { recursive: true });
    const { success, stderr } = await new Deno.Command("cpio", {
      args: ["--extract", "--quiet", `--directory=${unpacked}`, `--file=${directory}/archive`],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const read = (name: string): Promise<string> => Deno.readTextFile(`${unpacked}${HANDOVER_DIRECTORY}/${name}`);
    assert.equal(await read("kernel"), contents.kernel);
    // Each at a multiple of four, as a boot loader lays them (buffer-format.rst).
    assert.equal(await read("initramfs"), `mmm\0${contents.initramfs}\0\0\0`);
    assert.equal(handover.pair?.initramfsBytes, 4 + 10_004);
    assert.deepEqual(parseHandover(await read("handover.json")), handover);
    const mode = async (path: string): Promise<number> => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assert.equal(await mode(`${unpacked}${HANDOVER_DIRECTORY}`), 0o700);
    assert.equal(await mode(`${unpacked}${HANDOVER_DIRECTORY}/initramfs`), 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the archive starts where the kernel looks for it, whatever the size of the image's initrd", () => {
  for (const [sizeBytes, padding] of [[8, 4], [9, 7], [10, 6], [11, 5]] as const) {
    const [initrd, zeros, header] = planHandoverArchive({
      initrd: { path: "/initrd", sizeBytes },
      handover: { version: 1, disk: { sizeBytes: 1, path: "/dev/sda" } },
    });
    assert.deepEqual(initrd, { kind: "file", path: "/initrd", sizeBytes });
    assert.deepEqual(zeros, { kind: "bytes", bytes: new Uint8Array(padding) });
    assert.ok(header?.kind === "bytes");
    assert.deepEqual(header.bytes.subarray(0, 6), encodeUtf8("070701"));
  }
});
