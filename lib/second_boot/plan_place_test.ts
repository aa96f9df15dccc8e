/** The file system of the place, looked at with programs of others: fsck.vfat and mtools. */

import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { createRealSystem } from "../system/real.ts";
import { placeBytes } from "./place.ts";
import { planPlace, readUsedBytes } from "./plan_place.ts";

const random = createSeededRandom(11);
const contents = new Map([
  ["EFI/debian/shimx64.efi", random.bytes(70_001)],
  ["EFI/debian/kernel", random.bytes(1_000_000)],
  ["EFI/debian/initramfs", random.bytes(4096)],
]);
const texts = [
  { path: "EFI/debian/grub.cfg", bytes: new TextEncoder().encode("boot\n") },
  { path: "loader/entries/0-once+1.conf", bytes: new TextEncoder().encode("title once\n") },
];
const copied = [...contents].map(([path, bytes]) => ({ path, from: `/run/${path}`, sizeBytes: bytes.length }));

for (const sectorBytes of [512, 4096] as const) {
  Deno.test(`others find every file on the place, with sectors of ${sectorBytes} bytes`, async () => {
    const system = createRealSystem({ home: "/" });
    const directory = await Deno.makeTempDir({ prefix: "stiefel-place-" });
    try {
      const plan = planPlace({ sizeBytes: placeBytes, sectorBytes }, { copied, texts }) ?? assert.fail("no room");
      const path = `${directory}/place.img`;
      const parts = [
        { offset: 0, bytes: plan.head },
        ...plan.copies.map(({ path, offset }) => ({ offset, bytes: contents.get(path) ?? assert.fail(path) })),
      ];
      await system.writeSparse(path, { sizeBytes: placeBytes, parts });
      const { stdout } = await system.run(["fsck.vfat", "-n", "-v", path]);
      assert.doesNotMatch(stdout, /FATs differ|Reclaim|corrupt|invalid|bad/i);
      await Deno.mkdir(`${directory}/copy`);
      // mtools takes a geometry of its own as a reason to doubt (mtools(5))
      const env = { MTOOLS_SKIP_CHECK: "1" };
      await system.run(["mcopy", "-s", "-n", "-i", path, "::/", `${directory}/copy`], { env });
      for (const { path: name, bytes } of texts) contents.set(name, Uint8Array.from(bytes));
      for (const [name, bytes] of contents) {
        assert.deepEqual(await system.readFile(`${directory}/copy/${name}`), Uint8Array.from(bytes), name);
      }
      const end = Math.max(...plan.copies.map(({ offset, sizeBytes }) => offset + sizeBytes));
      assert.ok(plan.usedBytes >= end && plan.usedBytes - end < 4096, `${plan.usedBytes} ${end}`);
      assert.ok(plan.copies.every(({ offset }) => offset % 4096 === 0 && offset >= plan.head.length));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("what has no room is refused before anything is written", () => {
  const place = { sizeBytes: placeBytes, sectorBytes: 512 } as const;
  const large = (sizeBytes: number): ReturnType<typeof planPlace> =>
    planPlace(place, { copied: [{ path: "EFI/x/initramfs", from: "", sizeBytes }], texts });
  assert.notEqual(large(250_000_000), undefined);
  assert.equal(large(placeBytes), undefined);
});

Deno.test("the mark tells how much is used, whether the switch is there or not; what has none is used as a whole", () => {
  const plan = planPlace({ sizeBytes: placeBytes, sectorBytes: 512 }, { copied, texts }) ?? assert.fail("no room");
  assert.equal(readUsedBytes(plan.mark, placeBytes), plan.usedBytes);
  assert.equal(readUsedBytes(plan.head.subarray(0, 4096), placeBytes), plan.usedBytes);
  assert.equal(readUsedBytes(new Uint8Array(4096), placeBytes), 0);
  assert.equal(readUsedBytes(new Uint8Array(4096).fill(1), placeBytes), placeBytes);
  const lying = plan.mark.slice();
  lying.set(new TextEncoder().encode("999999999\n"), 1024 + "stiefelsystem second boot\n".length);
  assert.equal(readUsedBytes(lying, placeBytes), placeBytes);
  // A FAT's boot sector ends so (specification 1.03): the mark alone is no boot sector.
  assert.deepEqual([plan.head[510], plan.head[511]], [0x55, 0xaa]);
  assert.deepEqual([plan.mark[510], plan.mark[511]], [0, 0]);
});
