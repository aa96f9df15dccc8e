import assert from "node:assert/strict";
import { nameStick, noteStick, parseWrittenSticks } from "./written_sticks.ts";

Deno.test("a stick that is written again is noted once, the last ones are remembered", () => {
  const [one, other] = ["a".repeat(64), "b".repeat(64)];
  let text = noteStick([], { name: "X", initrdSha256: one });
  assert.deepEqual(parseWrittenSticks(text), [{ name: "X", initrdSha256: one }]);
  text = noteStick(parseWrittenSticks(text), { name: "Y", initrdSha256: one });
  text = noteStick(parseWrittenSticks(text), { name: "X", initrdSha256: other });
  assert.deepEqual(parseWrittenSticks(text), [{ name: "Y", initrdSha256: one }, { name: "X", initrdSha256: other }]);
  for (let index = 0; index < 50; index++) {
    text = noteStick(parseWrittenSticks(text), { name: `S${index}`, initrdSha256: one });
  }
  assert.equal(parseWrittenSticks(text).length, 32);
  assert.equal(parseWrittenSticks(text).at(-1)?.name, "S49");
  const withKeys = { name: "Z", initrdSha256: one, keys: ["0123-4567-89ab-cdef", "1123-4567-89ab-cdef"] };
  assert.deepEqual(parseWrittenSticks(noteStick([], withKeys)), [withKeys]);
  for (const wrong of ["", "{}", '{"version":2,"sticks":[]}', "[]"]) assert.deepEqual(parseWrittenSticks(wrong), []);
});

Deno.test("a stick's name has what tells it from others", () => {
  const device = {
    ...{ name: "sdb", path: "/dev/sdb", type: "disk", sizeBytes: 16e9, isReadOnly: false, isRemovable: true },
    ...{ logicalSectorBytes: 512, mountPoints: [], children: [] },
  };
  assert.equal(nameStick(device), "16.0 GB");
  assert.equal(
    nameStick({ ...device, vendor: "SanDisk ", model: "Ultra", serial: "123" }),
    "SanDisk Ultra 123 16.0 GB",
  );
});
