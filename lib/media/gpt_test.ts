import assert from "node:assert/strict";
import { createRealSystem } from "../system/real.ts";
import { crc32 } from "./crc32.ts";
import { formatGpt, guidBytes, readGuid } from "./gpt.ts";
import { backupTableBytes } from "./gpt.ts";
import { biosPartition, efiOffsetBytes, formatStickTable, planStick, readStickTable } from "./stick_layout.ts";

Deno.test("CRC-32 of the check value of its catalogue", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

Deno.test("a GUID has its first three fields with the lowest byte first", () => {
  assert.equal(guidBytes("C12A7328-F81F-11D2-BA4B-00A0C93EC93B").toHex(), "28732ac11ff8d211ba4b00a0c93ec93b");
  assert.throws(() => guidBytes("C12A7328"), RangeError);
});

const placeUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";

Deno.test("a GUID that was read is the one that was written", () => {
  assert.equal(readGuid(guidBytes(placeUuid.toUpperCase())), placeUuid);
});

const layouts = ([512, 4096] as const).flatMap((sectorBytes) =>
  [undefined, placeUuid].map((placeUuid) => ({ sectorBytes, placeUuid }))
);
for (const { sectorBytes, placeUuid } of layouts) {
  const what = placeUuid === undefined ? "" : ", with a partition for a second boot";
  Deno.test(`other programs read the table with sectors of ${sectorBytes} bytes${what}`, async () => {
    const system = createRealSystem({ home: "/" });
    const directory = await Deno.makeTempDir({ prefix: "stiefel-gpt-" });
    try {
      const layout = planStick(80_000_000, { sectorBytes, sizeBytes: 7_756_087_296, placeUuid });
      assert.ok(layout !== undefined);
      const { start, end } = formatStickTable(layout);
      const path = `${directory}/disk.img`;
      const { sizeBytes, efi, place: last } = layout;
      assert.equal(last?.partitionUuid, placeUuid);
      const parts = [{ offset: 0, bytes: start }, { offset: sizeBytes - end.length, bytes: end }];
      await system.writeSparse(path, { sizeBytes, parts });
      const columns = "NR,START,SECTORS,NAME";
      const options = ["--sector-size", String(sectorBytes), "--raw", "--noheadings", "--output", columns];
      const { stdout } = await system.run(["partx", ...options, path]);
      // partx(8) counts in 512 bytes whatever the disk's sectors are.
      const inSectors = (bytes: number): number => bytes / 512;
      const bios = [1, inSectors(biosPartition.offsetBytes), inSectors(biosPartition.sizeBytes)].join(" ");
      const place = [2, inSectors(efi.offsetBytes), inSectors(efi.sizeBytes)].join(" ");
      const third = last === undefined
        ? ""
        : `3 ${inSectors(last.offsetBytes)} ${inSectors(last.sizeBytes)} stiefelsystem\\x20second\\x20boot\n`;
      assert.equal(stdout, `${bios} stiefelsystem\\x20BIOS\n${place} stiefelsystem\n${third}`);
      if (sectorBytes === 512) {
        const { stdout, stderr } = await system.run(["sfdisk", "--verify", path]);
        assert.match(stdout + stderr, /No errors detected/);
      }
      const first = new Uint8Array(1024 * 1024);
      first.set(start);
      const read = readStickTable(first, { sectorBytes, sizeBytes });
      assert.deepEqual(read, last === undefined ? { efi } : { efi, place: last });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("what does not fit is refused", () => {
  assert.equal(planStick(80_000_000, { sectorBytes: 512, sizeBytes: 200_000_000 }), undefined);
  const table = { diskUuid: "5a1ef1e5-7000-4000-8000-000000000000", sectorBytes: 512, sizeBytes: 1024 * 1024 } as const;
  const partition = { type: table.diskUuid, uuid: table.diskUuid, name: "x", offsetBytes: 512 * 34, sizeBytes: 512 };
  const last = table.sizeBytes - backupTableBytes(512) - 512;
  const format = (change: object): unknown => formatGpt({ ...table, partitions: [{ ...partition, ...change }] });
  format({ offsetBytes: last });
  for (const change of [{ offsetBytes: last + 512 }, { offsetBytes: 512 * 33 }, { sizeBytes: 100 }]) {
    assert.throws(() => format(change), RangeError);
  }
  assert.equal(efiOffsetBytes, 2 * 1024 * 1024);
});
