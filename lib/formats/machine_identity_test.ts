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
      "12345678-1234-5678-90AB-CDDEEFAABBCC",
      "12345678-1234-1234-1234-123456789ABC",
      "01234567-89ab-cdef-0123-456789abcdef",
      // As they are, and as Linux shows those of SMBIOS 2.6 and later: the first three parts turned round.
      "00112233-4455-6677-8899-AABBCCDDEEFF",
      "33221100-5544-7766-8899-AABBCCDDEEFF",
      "00010203-0405-0607-0809-0A0B0C0D0E0F",
      "03020100-0504-0706-0809-0A0B0C0D0E0F",
      "00000000-0000-0000-0000-001122334455",
    ]
  ) {
    const id = await machineIdOf({ productUuid: filling, productSerial: "System Serial Number" });
    assert.equal(id, undefined, filling);
  }
});

Deno.test("a UUID of one machine is its identity, also one that is made of a MAC address, or of text", async () => {
  const uuids = [
    "00000000-0000-0000-0000-AC1F6B123456",
    "00000000-0000-0000-0000-0CC47A000102",
    "4C4C4544-0042-3010-8056-B4C04F4E3132",
    "564D4A1F-4D9B-4A8B-9B43-7D0B5C2E9A10",
    "80D7A1C0-1DD2-11B2-8000-D8BBC1000010",
    ...Array.from({ length: 2000 }, () => crypto.randomUUID()),
  ];
  for (const uuid of uuids) assert.notEqual(await machineIdOf({ productUuid: uuid }), undefined, uuid);
});
