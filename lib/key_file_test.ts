import assert from "node:assert/strict";
import { ExitCode, UserError } from "./errors.ts";
import { loadOrCreateKey, readKey } from "./key_file.ts";
import { SHARED_KEY_BYTES } from "./protocol/keys.ts";
import { createMemorySystem } from "../tests/support/memory_system.ts";

const PATH = "/project/aes-key";
const GOOD = Uint8Array.from({ length: SHARED_KEY_BYTES }, (_, index) => index);

Deno.test("without a key one is made, for its owner only, and read back", async () => {
  const system = createMemorySystem();
  const { key, created } = await loadOrCreateKey(system, PATH);
  assert.equal(key.length, 32);
  assert.equal(created, true);
  assert.equal(system.files.get(PATH)?.mode, 0o600);
  assert.deepEqual(await loadOrCreateKey(system, PATH), { key, created: false });
  assert.deepEqual(await readKey(system, PATH), key);
});

Deno.test("reading alone makes no key", async () => {
  const system = createMemorySystem();
  await assert.rejects(readKey(system, PATH), /The shared key "\/project\/aes-key" cannot be used: found nothing/);
  assert.equal(system.files.size, 0);
});

const BAD: readonly (readonly [name: string, content: Uint8Array, mode: number, found: RegExp, hint: RegExp])[] = [
  ["a key of the original", new Uint8Array(16).fill(7), 0o600, /found 16 bytes/, /original Stiefelsystem/],
  ["an empty file", new Uint8Array(0), 0o600, /found 0 bytes/, /Delete the file/],
  ["a key with a line end", new Uint8Array(33), 0o600, /found 33 bytes/, /Delete the file/],
  ["zeros", new Uint8Array(32), 0o600, /the same byte 32 times/, /Delete the file/],
  ["a key that all may read", GOOD, 0o644, /the mode 0644, which lets others/, /chmod 600 \/project\/aes-key/],
  ["a key that the group may read", GOOD, 0o640, /the mode 0640/, /chmod 600/],
];

for (const [name, content, mode, found, hint] of BAD) {
  Deno.test(`refused: ${name}`, async () => {
    const system = createMemorySystem({ files: { [PATH]: content } });
    await system.chmod(PATH, mode);
    await assert.rejects(loadOrCreateKey(system, PATH), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.exitCode, ExitCode.usage);
      assert.match(error.message, found);
      assert.match(error.message, /wanted a file of 32 random bytes, mode 0600$/);
      assert.match(error.hints.join("\n"), hint);
      return true;
    });
    assert.deepEqual(system.files.get(PATH)?.content, new Uint8Array(content), "it is left as it was");
  });
}

Deno.test("a read-only key file is fine, a folder is not", async () => {
  const system = createMemorySystem({ files: { [PATH]: GOOD } });
  await system.chmod(PATH, 0o400);
  assert.deepEqual((await loadOrCreateKey(system, PATH)).key, new Uint8Array(GOOD));
  await system.makeDirectory("/folder");
  await assert.rejects(loadOrCreateKey(system, "/folder"), /found a directory/);
});

Deno.test("P15: a dangling symlink in the key's place is refused, and stays", async () => {
  const system = createMemorySystem({ symlinks: { [PATH]: "/backup/aes-key" } });
  await assert.rejects(loadOrCreateKey(system, PATH), /found a symlink to "\/backup\/aes-key", which does not exist/);
  assert.equal(system.symlinks.get(PATH), "/backup/aes-key");
  assert.equal(system.files.size, 0);
});

Deno.test("P15: the key of another command that was faster is taken", async () => {
  const system = createMemorySystem();
  const slower = {
    ...system,
    createFile: async (...parameters: Parameters<typeof system.createFile>) => {
      await system.writeFile(PATH, GOOD, { mode: 0o600 });
      return await system.createFile(...parameters);
    },
  };
  assert.deepEqual(await loadOrCreateKey(slower, PATH), { key: new Uint8Array(GOOD), created: false });
});

Deno.test("P15, P8: a full disk and a folder of root's make no key, and say the way out", async () => {
  const system = createMemorySystem({ files: { "/project/x": "" } });
  const failing = (error: Error) => ({ ...system, createFile: () => Promise.reject(error) });
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  await assert.rejects(loadOrCreateKey(failing(full), PATH), /aes-key" cannot be made: no space is left/);
  await assert.rejects(loadOrCreateKey(failing(new Deno.errors.PermissionDenied("x")), PATH), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /"\/project" belongs to root, as when an earlier command ran with sudo/);
    // Not a command that changes the owner of a folder that may be the system's.
    assert.match(error.hints[0] ?? "", /^Or name another place/);
    return true;
  });
});
