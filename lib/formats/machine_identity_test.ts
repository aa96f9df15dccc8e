import assert from "node:assert/strict";
import { MACHINE_ID_DIGITS, machineIdOf } from "./machine_identity.ts";

const productUuid = "4C4C4544-0051-3510-8052-B4C04F4A3332\n";

Deno.test("a machine keeps its id, and shows nothing of its numbers", async () => {
  const id = await machineIdOf({ productUuid, productSerial: "J2Q5R43\n", boardSerial: ".J2Q5R43.CN\n" });
  assert.match(id ?? "", /^[0-9a-f]+$/);
  assert.equal(id?.length, MACHINE_ID_DIGITS);
  const written = {
    productUuid: productUuid.toLowerCase().trim(),
    productSerial: "J2Q5R43 ",
    boardSerial: ".J2Q5R43.CN",
  };
  assert.equal(await machineIdOf(written), id);
});

Deno.test("each of its numbers tells machines apart", async () => {
  const one = { productUuid, productSerial: "1", boardSerial: "2" };
  const others = [
    { ...one, productUuid: productUuid.replace("0051", "0052") },
    { ...one, productSerial: "3" },
    { ...one, boardSerial: "3" },
    { ...one, productSerial: "12", boardSerial: "" },
    { productUuid },
  ];
  const ids = await Promise.all([one, ...others].map(machineIdOf));
  assert.equal(new Set(ids).size, 1 + others.length);
});

Deno.test("a UUID that many machines have is no identity", async () => {
  for (
    const filling of [
      undefined,
      "",
      "Not Settable",
      "00000000-0000-0000-0000-000000000000",
      "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
      "fefefefe-fefe-fefe-fefe-fefefefefefe",
      "00ff00ff-00ff-00ff-00ff-00ff00ff00ff",
      "03000200-0400-0500-0006-000700080009",
      "00020003-0004-0005-0006-000700080009",
    ]
  ) {
    const id = await machineIdOf({ productUuid: filling, productSerial: "System Serial Number" });
    assert.equal(id, undefined, filling);
  }
});
