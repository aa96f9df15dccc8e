import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { accessing, demandWritable } from "./file_access.ts";
import { createMemorySystem } from "../tests/support/memory_system.ts";

const system = createMemorySystem({
  files: { "/home/anna/cache/x": "", "/home/anna/aes-key": "", "/usr/lib/x": "", "/data/file": "" },
});
const denied = new Deno.errors.PermissionDenied("no");

async function explain(path: string, error: unknown = denied): Promise<UserError> {
  try {
    await accessing(system, { what: "The folder", path, attempt: "written" }, () => Promise.reject(error));
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
    throw thrown;
  }
  throw new TypeError("It was not refused");
}

Deno.test("P8: what root made in a user's folder is named with the command that gives it back", async () => {
  const folder = await explain("/home/anna/cache");
  assert.equal(
    folder.message,
    'The folder "/home/anna/cache" cannot be written: it belongs to root, as when an earlier command ran with sudo',
  );
  assert.equal(folder.hints[0], 'Make it yours: sudo chown -R "$USER" /home/anna/cache');
  assert.equal((await explain("/home/anna/aes-key")).hints[0], 'Make it yours: sudo chown "$USER" /home/anna/aes-key');
  assert.match((await explain("/home/anna/cache/a/b")).message, /"\/home\/anna\/cache" belongs to root/);
});

Deno.test("P8: nobody is told to take the system's folders", async () => {
  for (const path of ["/usr/lib/new", "/usr", "/", "/etc", "/home/new", "/data", "/var/lib/new"]) {
    assert.doesNotMatch((await explain(path)).hints.join("\n"), /chown -R/, path);
  }
});

Deno.test("P8: other refusals of the operating system", async () => {
  const withCode = (code: string): Error => Object.assign(new Error(code), { code });
  assert.match((await explain("/x", withCode("ENOSPC"))).message, /no space is left/);
  assert.match((await explain("/x", withCode("EROFS"))).message, /mounted read-only/);
  assert.match((await explain("/x", withCode("EDQUOT"))).message, /quota/);
  assert.match((await explain("/dev/shm/x", new Deno.errors.NotCapable("x"))).message, /below \/dev, \/proc and \/sys/);
  assert.match(
    (await explain("/data/file", new Deno.errors.AlreadyExists("x"))).message,
    /something other than a folder/,
  );
  await assert.rejects(explain("/x", new TypeError("a bug")), TypeError);
});

Deno.test("a folder that can be written is left as it was; one that is missing is made, but for the folder of a named file", async () => {
  const folder = { what: "The folder", path: "/data/new/folder" };
  const memory = createMemorySystem({ files: { "/data/file": "" } });
  await assert.rejects(demandWritable(memory, { ...folder, mustExist: true }), {
    message: 'The folder "/data/new/folder" is not there',
    hints: ["Make it: mkdir -p /data/new/folder"],
  });
  await demandWritable(memory, { ...folder, mode: 0o700 });
  assert.equal(memory.directories.get("/data/new/folder")?.mode, 0o700);
  await demandWritable(memory, { ...folder, mustExist: true });
  assert.deepEqual(await memory.readDirectory("/data/new/folder"), []);
  await assert.rejects(
    demandWritable(memory, { ...folder, path: "/data/file" }),
    /something other than a folder|Not a dir/,
  );
});
