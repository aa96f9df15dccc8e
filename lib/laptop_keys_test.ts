import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../tests/support/memory_system.ts";
import { ExitCode, UserError } from "./errors.ts";
import { isLaptopKeyName, LAPTOP_KEYS_MAX, readLaptopKeys } from "./laptop_keys.ts";

const keyPath = "/p/aes-key";
const makeKey = (seed: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: 32 }, (_, index) => index + seed);

async function withFiles(
  files: Readonly<Record<string, Uint8Array>>,
  modes: Readonly<Record<string, number>> = {},
): Promise<MemorySystem> {
  const system = createMemorySystem({ files: { [keyPath]: makeKey(0), ...files } });
  for (const path of Object.keys(files)) await system.chmod(path, modes[path] ?? 0o600);
  return system;
}

Deno.test("keys of other laptops are read by name; without the folder there are none", async () => {
  const system = await withFiles({ "/p/aes-keys/vaio": makeKey(2), "/p/aes-keys/bell": makeKey(1) });
  await system.writeFile("/p/aes-keys/.bell.swp", "left by an editor");
  assert.deepEqual(await readLaptopKeys(system, { keyPath, own: makeKey(0) }), [
    { name: "bell", key: makeKey(1) },
    { name: "vaio", key: makeKey(2) },
  ]);
  assert.deepEqual(await readLaptopKeys(createMemorySystem(), { keyPath }), []);
});

Deno.test("a key that is unusable, seen by others or there twice is refused, without a byte of it", async () => {
  const at = (name: string): string => `/p/aes-keys/${name}`;
  const cases: readonly (readonly [string, Readonly<Record<string, Uint8Array>>, RegExp, number?])[] = [
    ["a short one", { [at("bell")]: makeKey(1).subarray(1) }, /aes-keys\/bell" cannot be used: found 31 bytes/],
    ["a long one", { [at("bell")]: new Uint8Array(33) }, /found 33 bytes/],
    ["zeros", { [at("bell")]: new Uint8Array(32) }, /the same byte/],
    ["one that others may read", { [at("bell")]: makeKey(1) }, /others can read/, 0o644],
    ["one that the group may read", { [at("bell")]: makeKey(1) }, /others can read/, 0o640],
    ["a folder", { [`${at("bell")}/x`]: makeKey(1) }, /found a directory/],
    ["a name that is none", { [at("my laptop")]: makeKey(1) }, /a name that no laptop has/],
    ["the own one", { [at("bell")]: makeKey(0) }, /"bell" is there twice: it is that of "\/p\/aes-key", too/],
    [
      "another's",
      { [at("bell")]: makeKey(1), [at("vaio")]: makeKey(1) },
      /"vaio" is there twice: it is that of "bell"/,
    ],
  ];
  for (const [what, files, message, mode] of cases) {
    const system = await withFiles(files, mode === undefined ? {} : { [at("bell")]: mode });
    await assert.rejects(readLaptopKeys(system, { keyPath, own: makeKey(0) }), (error) => {
      assert.ok(error instanceof UserError && error.exitCode === ExitCode.usage, what);
      assert.match(error.message, message, what);
      assert.ok(error.hints.length > 0, what);
      return true;
    });
  }
});

Deno.test("a stick has an end: fifteen keys beside the own one, and not one more", async () => {
  const files = (count: number): Record<string, Uint8Array> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`/p/aes-keys/l${index}`, makeKey(index + 1)]));
  assert.equal((await readLaptopKeys(await withFiles(files(LAPTOP_KEYS_MAX)), { keyPath })).length, 15);
  await assert.rejects(readLaptopKeys(await withFiles(files(LAPTOP_KEYS_MAX + 1)), { keyPath }), /There are 16 keys/);
});

Deno.test("the name of a key is a host name, and a file's", () => {
  for (const name of ["bell", "old-dell.lan", "T480_2", "a".repeat(64)]) assert.ok(isLaptopKeyName(name), name);
  for (const name of ["", ".", "..", ".bell", "a/b", "../aes-key", "my laptop", "bell\n", "a".repeat(65), "ü"]) {
    assert.ok(!isLaptopKeyName(name), name);
  }
});
