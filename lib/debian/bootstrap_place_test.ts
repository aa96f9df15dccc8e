import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { removeBootstrapPlace, withBootstrapPlace } from "./bootstrap_place.ts";

const user = { mode: "unshare", hasMountNamespace: false } as const;
const root = { mode: "root", hasMountNamespace: true } as const;

/** A user whose subordinate ids' files can be removed in a user namespace alone. */
function makeSystem(): MemorySystem {
  const system: MemorySystem = createMemorySystem({
    files: { "/c/unfinished-base-1/x": "" },
    commands: [([program]) => program === "id" ? "1000\n" : undefined],
  });
  return system;
}

const inTemporary = (system: MemorySystem): readonly string[] =>
  [...system.files.keys(), ...system.directories.keys()].filter((path) => path.startsWith("/tmp/"));

Deno.test("P17: a user's mmdebstrap works in /tmp, at a place that is noted before it is made and goes at the end", async () => {
  for (const fails of [false, true]) {
    const system = makeSystem();
    let seen = "";
    const work = withBootstrapPlace(system, { host: user, directory: "/c/unfinished-base-1" }, async ({ TMPDIR }) => {
      seen = TMPDIR;
      assert.equal(await system.readText("/c/unfinished-base-1/bootstrap-place"), TMPDIR);
      assert.equal((await system.stat(TMPDIR))?.mode, 0o1777);
      await system.writeFile(`${TMPDIR}/mmdebstrap.x/etc/passwd`, "");
      if (fails) throw new Error("stopped");
    });
    if (fails) await assert.rejects(work, { message: "stopped" });
    else await work;
    assert.match(seen, /^\/tmp\/stiefelsystem-[0-9a-f]{16}$/);
    assert.deepEqual(inTemporary(system), []);
    assert.deepEqual([...system.files.keys()], ["/c/unfinished-base-1/x"]);
  }
});

Deno.test("as root mmdebstrap works in the directory of the work", async () => {
  const system = makeSystem();
  const options = { host: root, directory: "/c/unfinished-base-1" };
  assert.equal(await withBootstrapPlace(system, options, ({ TMPDIR }) => Promise.resolve(TMPDIR)), options.directory);
  assert.deepEqual([...system.files.keys()], ["/c/unfinished-base-1/x"]);
});

Deno.test("P17: what is noted goes when the work was killed, and nothing else that a note may name", async () => {
  const left = `/tmp/stiefelsystem-${"0".repeat(16)}`;
  for (
    const [note, isRemoved] of [[left, true], ["/tmp", false], ["/home/me", false], [`${left}/../x`, false], [
      "",
      false,
    ]]
  ) {
    const system = makeSystem();
    for (const path of [`${left}/mmdebstrap.x/a`, "/home/me/a"]) await system.writeFile(path, "");
    await system.writeFile("/c/unfinished-base-1/bootstrap-place", String(note));
    await removeBootstrapPlace(system, "/c/unfinished-base-1");
    assert.equal(system.files.has(`${left}/mmdebstrap.x/a`), !isRemoved, `${note}`);
    assert.ok(system.files.has("/home/me/a"));
    assert.ok(!system.files.has("/c/unfinished-base-1/bootstrap-place"));
  }
});
