import assert from "node:assert/strict";
import { concatenate } from "../../lib/formats/bytes.ts";
import { guidBytes } from "../../lib/media/gpt.ts";
import { listChangedVariables, parsePem, readTrusted, readVariables, trustCertificates } from "./uefi_variables.ts";

function variable(name: string, data: Uint8Array, state = 0x3f): Uint8Array {
  const encoded = Uint8Array.from(`${name}\0`.split("").flatMap((letter) => [letter.charCodeAt(0), 0]));
  const bytes = new Uint8Array(Math.ceil((60 + encoded.length + data.length) / 4) * 4).fill(0xff);
  const view = new DataView(bytes.buffer);
  bytes.fill(0, 0, 60);
  view.setUint16(0, 0x55aa, true);
  view.setUint8(2, state);
  view.setUint32(36, encoded.length, true);
  view.setUint32(40, data.length, true);
  bytes.set(encoded, 60);
  bytes.set(data, 60 + encoded.length);
  return bytes;
}

/** A file as OVMF has it: the header of a volume, a store, erased flash. */
function store(...variables: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(8192).fill(0xff);
  bytes.set(guidBytes("aaf32c78-947b-439a-a180-2e144ec37792"), 72);
  new DataView(bytes.buffer).setUint32(72 + 16, 4096, true);
  bytes.set(concatenate(variables), 72 + 28);
  return bytes;
}

const [one, other] = [new Uint8Array(33).fill(1), new Uint8Array(50).fill(2)];

Deno.test("exactly the named certificates are trusted; other variables stay, deleted ones go", () => {
  const platform = variable("PK", new Uint8Array(7).fill(9));
  const old = store(platform, variable("db", new Uint8Array(3), 0x3c), variable("db", new Uint8Array(5)), platform);
  const both = trustCertificates(old, [one, other]);
  assert.deepEqual(readTrusted(both), [one, other]);
  const single = trustCertificates(both, [other]);
  assert.deepEqual(readTrusted(single), [other]);
  assert.equal(single.length, old.length);
  assert.deepEqual(single.subarray(100, 100 + platform.length), platform);
  assert.deepEqual(single.subarray(4096 + 72), old.subarray(4096 + 72));
});

Deno.test("what is no file of variables, has no db, or no room is refused", () => {
  assert.throws(() => trustCertificates(new Uint8Array(8192), [one]), /no file/);
  assert.throws(() => trustCertificates(store(variable("PK", one)), [one]), /no "db"/);
  assert.throws(() => trustCertificates(store(variable("db", one)), [new Uint8Array(5000)]), /do not fit/);
});

Deno.test("variables are read by name", () => {
  const data = new TextEncoder().encode("sbat,1");
  const variables = readVariables(store(variable("old", data, 0x3c), variable("SbatLevel", data), variable("db", one)));
  assert.deepEqual([...variables.keys()], ["SbatLevel", "db"]);
  assert.equal(variables.get("SbatLevel"), "sbat,1");
});

Deno.test("what was added and what was changed, but for what OVMF itself notes", () => {
  const before = store(variable("db", one), variable("PK", one), variable("Boot0000", one));
  const after = store(
    ...[variable("db", other), variable("PK", one), variable("Boot0000", other), variable("Boot0001", one)],
    variable("SbatLevel", one),
  );
  assert.deepEqual(listChangedVariables(before, after), { added: ["SbatLevel"], changed: ["db"] });
});

Deno.test("a certificate in PEM", () => {
  const text = "Subject: somebody\n-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n";
  assert.deepEqual([...parsePem(text)], [1, 2, 3, 4]);
  assert.throws(() => parsePem("AQID"), RangeError);
});
