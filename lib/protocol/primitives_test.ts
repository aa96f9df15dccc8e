import assert from "node:assert/strict";
import { counting } from "../../tests/support/protocol_samples.ts";
import {
  computeSharedSecret,
  decrypt,
  encrypt,
  generateKeyPair,
  giveBack,
  hkdfSha256,
  hmacSha256,
  importCipherKey,
  importHmacKey,
  importKeyPair,
  isEqualInConstantTime,
  sha256,
} from "./primitives.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("SHA-256 of parts is that of all of them (FIPS 180-2 appendix B.1)", async () => {
  const wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal((await sha256(ascii("abc"))).toHex(), wanted);
  assert.equal((await sha256(ascii("a"), ascii(""), ascii("bc"))).toHex(), wanted);
});

Deno.test("HMAC (RFC 4231 test case 2) and HKDF (RFC 5869 test cases 1 and 3)", async () => {
  const tag = await hmacSha256(await importHmacKey(ascii("Jefe")), ascii("what do ya want for nothing?"));
  assert.equal(tag.toHex(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const input = new Uint8Array(22).fill(0x0b);
  const first = await hkdfSha256(input, { salt: counting(0, 13), info: counting(0xf0, 10), sizeBytes: 42 });
  assert.equal(
    first.toHex(),
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  );
  const third = await hkdfSha256(input, { salt: new Uint8Array(0), info: new Uint8Array(0), sizeBytes: 42 });
  assert.equal(
    third.toHex(),
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  );
});

Deno.test("X25519 (RFC 7748 section 6.1)", async () => {
  const bob = await importKeyPair(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  assert.equal(bob.publicKey.toHex(), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const alice = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  const secret = await computeSharedSecret(bob.privateKey, alice);
  assert.equal(secret?.toHex(), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  assert.equal(await computeSharedSecret(bob.privateKey, new Uint8Array(32)), undefined);
});

Deno.test("fresh key pairs are different, have a secret in common, and keep their private half", async () => {
  const [one, other] = [await generateKeyPair(), await generateKeyPair()];
  assert.notDeepEqual(one.publicKey, other.publicKey);
  const secret = await computeSharedSecret(one.privateKey, other.publicKey);
  assert.equal(secret?.length, 32);
  assert.deepEqual(secret, await computeSharedSecret(other.privateKey, one.publicKey));
  assert(!one.privateKey.extractable);
});

Deno.test("ChaCha20-Poly1305 (RFC 8439 section 2.8.2)", async () => {
  const key = await importCipherKey(counting(0x80, 32));
  const options = { nonce: hex("070000004041424344454647"), associatedData: hex("50515253c0c1c2c3c4c5c6c7") };
  const plaintext = ascii(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed = await encrypt(key, plaintext, options);
  assert.equal(sealed.subarray(0, 16).toHex(), "d31a8d34648e60db7b86afbc53ef7ec2");
  assert.equal(sealed.subarray(-16).toHex(), "1ae10b594f09e26a7e902ecbd0600691");
  assert.deepEqual(await decrypt(key, sealed, options), new Uint8Array(plaintext));
  assert.equal(await decrypt(key, sealed.with(0, 0), options), undefined);
  assert.equal(await decrypt(key, sealed, { nonce: options.nonce }), undefined);
  giveBack(sealed);
  assert.equal(sealed.length, 0);
});

Deno.test("bytes are the same only when all of them are", () => {
  const bytes = counting(1, 16);
  assert(isEqualInConstantTime(bytes, counting(1, 16)));
  for (const index of bytes.keys()) assert(!isEqualInConstantTime(bytes, bytes.with(index, 0)));
  assert.throws(() => isEqualInConstantTime(bytes, bytes.subarray(1)), RangeError);
});
