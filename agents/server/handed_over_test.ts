import assert from "node:assert/strict";
import { formatHandover, type Handover } from "../../lib/formats/handover.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { dropPair, openHandedOver, readHandover } from "./handed_over.ts";

const directory = "/etc/stiefelsystem/handover";
const handover: Handover = {
  version: 1,
  disk: { sizeBytes: 5e11, path: "/dev/sda", tableUuid: "T1" },
  commandLine: "root=UUID=1234 ro",
  pair: { kernelBytes: 6, initramfsBytes: 9 },
};
const complete = { kernel: "kernel", initramfs: "initramfs", "handover.json": formatHandover(handover) };

function image(files: Readonly<Record<string, string>>, signature = ""): MemorySystem {
  return createMemorySystem({
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text])),
    commands: [
      ([program]) => program === "lsblk" ? "/dev/sda2\n" : undefined,
      ([program]) =>
        program === "od"
          ? [...signature].map((character) => ` ${character.charCodeAt(0).toString(16).padStart(2, "0")}`).join("")
          : undefined,
    ],
  });
}

Deno.test("a complete handover is usable; an image that was started by hand has none", async () => {
  assert.deepEqual(await readHandover(image(complete), directory), { kind: "usable", handover });
  assert.deepEqual(await readHandover(createMemorySystem(), directory), { kind: "none" });
});

Deno.test("a handover that is not as it was made is not used, and the reason is given", async () => {
  const { "handover.json": text } = complete;
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ["memory ended before its last file", { kernel: "kernel", initramfs: "init" }, /not complete/],
    ["a kernel cut short", { ...complete, kernel: "kern" }, /"kernel" has 4 bytes, wanted 6/],
    ["an initramfs that is missing", { kernel: "kernel", "handover.json": text }, /"initramfs" has 0 bytes, wanted 9/],
    ["a description cut short", { ...complete, "handover.json": text.slice(0, 20) }, /newline/],
    ["no text", { ...complete, "handover.json": "\u0000\n" }, /not JSON/],
    ["a huge description", { ...complete, "handover.json": `${" ".repeat(20_000)}\n` }, /20001 bytes, wanted at most/],
    ["an empty command line", {
      ...complete,
      "handover.json": text.replace("root=UUID=1234 ro", ""),
    }, /"commandLine"/],
  ];
  for (const [what, files, why] of cases) {
    const reading = await readHandover(image(files), directory);
    assert.equal(reading.kind, "unusable", what);
    assert.match(reading.kind === "unusable" ? reading.why : "", why, what);
  }
});

Deno.test("kernel and initramfs come out of memory, with the running system's command line", async () => {
  const system = image(complete);
  await using opened = await openHandedOver(system, directory, handover);
  assert.ok(opened !== undefined);
  assert.equal(await new Response(await opened.openKernel()).text(), "kernel");
  assert.equal(await new Response(await opened.openInitramfs()).text(), "initramfs");
  assert.deepEqual([opened.kernelBytes, opened.initramfsBytes], [6, 9]);
  assert.equal(opened.entry.commandLine, "root=UUID=1234 ro");
  assert.deepEqual(system.ran, []);
  const { pair: _, ...withoutPair } = handover;
  assert.equal(await openHandedOver(system, directory, withoutPair), undefined);
});

Deno.test("a hibernated system in the swap file of the command line is refused", async () => {
  const withSwap = { ...handover, commandLine: "ro resume=/dev/sda2 resume_offset=34816" };
  await assert.rejects(openHandedOver(image(complete, "S1SUSPEND\0"), directory, withSwap), { code: "hibernated" });
  await using opened = await openHandedOver(image(complete, "SWAPSPACE2"), directory, withSwap);
  assert.ok(opened !== undefined);
});

Deno.test("what a desktop may have replaced on the disk goes, for the next agent as well", async () => {
  const system = image(complete);
  const left = await dropPair(system, directory, handover);
  assert.deepEqual([left.pair, left.commandLine], [undefined, handover.commandLine]);
  assert.deepEqual(await readHandover(system, directory), { kind: "usable", handover: left });
  assert.deepEqual([...system.files.keys()], [`${directory}/handover.json`]);
  assert.equal(await dropPair(system, directory, left), left);
});
