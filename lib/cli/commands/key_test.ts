import assert from "node:assert/strict";
import { createScriptedUi, type ScriptedAnswer } from "../../../tests/support/host_rig.ts";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { StoppedByUser, UserError } from "../../errors.ts";
import { sameBytes } from "../../formats/bytes.ts";
import { formatKeyText } from "../../key_text.ts";
import { keyFingerprint } from "../../protocol/keys.ts";
import { type KeyOptions, manageKey } from "./key.ts";

const key = Uint8Array.from({ length: 32 }, (_, index) => index + 77);
const otherKey = Uint8Array.from({ length: 32 }, (_, index) => 200 - index);
const keyPath = "/p/aes-key";

async function createMachine(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<MemorySystem> {
  const system = createMemorySystem({ files: { [keyPath]: key, "/p/build/initrd": "i", ...files } });
  await system.chmod(keyPath, 0o600);
  return system;
}

async function run(
  system: MemorySystem,
  options: Pick<KeyOptions, "action" | "file" | "laptop">,
  answers: readonly ScriptedAnswer[] = [],
  secret = "",
): Promise<{ readonly said: string; readonly results: readonly string[]; readonly error: unknown }> {
  const results: string[] = [];
  const scripted = createScriptedUi(answers);
  const ui = {
    ...scripted,
    result: (text: string): void => void results.push(text),
    askSecret: (): Promise<string> => Promise.resolve(secret),
  };
  const error = await manageKey(system, ui, { keyPath, buildDirectory: "/p/build", ...options })
    .then(() => undefined, (error: unknown) => error);
  return { said: scripted.said.join("\n"), results, error };
}

const holds = async (system: MemorySystem, expected: Uint8Array): Promise<boolean> =>
  sameBytes(await system.readFile(keyPath), expected);

Deno.test("key show has fingerprints and nothing of the key, and says when the laptop listens to another one", async () => {
  const system = await createMachine({ "/etc/stiefelsystem/aes-key": otherKey });
  const { results, said } = await run(system, { action: "show" });
  assert.deepEqual(results, [
    `${await keyFingerprint(key)}  ${keyPath}`,
    `${await keyFingerprint(otherKey)}  /etc/stiefelsystem/aes-key (this laptop listens to it)`,
  ]);
  assert.match(said, /They differ/);
  assert.ok(!`${results} ${said}`.includes(key.toHex().slice(0, 8)));
  const same = await run(await createMachine({ "/etc/stiefelsystem/aes-key": key }), { action: "show" });
  assert.doesNotMatch(same.said, /differ/);
  const none = await run(createMemorySystem({ files: { "/p/x": "" } }), { action: "show" });
  assert.ok(none.error instanceof UserError);
});

Deno.test("key new tells what it makes useless, asks, and makes a key for its owner only", async () => {
  const sticks = { version: 1, sticks: [{ name: "SanDisk Ultra", initrdSha256: "a".repeat(64) }] };
  const files = { "/p/build/sticks.json": JSON.stringify(sticks), "/etc/stiefelsystem/aes-key": key };
  const system = await createMachine(files);
  const refused = await run(system, { action: "new" }, ["skip"]);
  assert.ok(refused.error instanceof StoppedByUser && await holds(system, key));
  for (const holder of [/the image in \/p\/build/, /this laptop/, /the stick SanDisk Ultra/, /other machines/]) {
    assert.match(refused.said, holder);
  }
  const made = await run(system, { action: "new" }, ["yes"]);
  assert.equal(made.error, undefined);
  assert.ok(!await holds(system, key));
  assert.equal(system.files.get(keyPath)?.mode, 0o600);
  assert.deepEqual(made.results, [`${await keyFingerprint(await system.readFile(keyPath))}  ${keyPath}`]);
  const first = createMemorySystem({ files: { "/p/x": "" } });
  assert.equal((await run(first, { action: "new" })).error, undefined, "nothing is lost, and nothing asked");
  assert.equal(first.files.get(keyPath)?.content.length, 32);
});

Deno.test("a key goes to another machine by a file or by hand", async () => {
  const one = await createMachine();
  assert.equal((await run(one, { action: "export", file: "/p/key.txt" })).error, undefined);
  assert.equal(one.files.get("/p/key.txt")?.mode, 0o600);
  const text = await one.readText("/p/key.txt");
  assert.ok(
    (await run(one, { action: "export", file: "/p/key.txt" })).error instanceof UserError,
    "no file is replaced",
  );
  const shown = await run(one, { action: "export" });
  assert.deepEqual(shown.results, [text.trim()]);
  assert.match(shown.said, /Everyone who sees/);
  const bare = createMemorySystem({ files: { "/p/in.txt": text } });
  assert.equal((await run(bare, { action: "import", file: "/p/in.txt" })).error, undefined);
  assert.ok(await holds(bare, key));
  assert.equal(bare.files.get(keyPath)?.mode, 0o600);
  const typed = await createMachine({ [keyPath]: otherKey });
  assert.ok((await run(typed, { action: "import" }, ["skip"], text)).error instanceof StoppedByUser);
  assert.ok(await holds(typed, otherKey));
  assert.equal((await run(typed, { action: "import" }, ["yes"], text)).error, undefined);
  assert.ok(await holds(typed, key));
  assert.match((await run(typed, { action: "import" }, [], text)).said, /that key already/);
});

Deno.test("what is no key is refused, and the key stays", async () => {
  const system = await createMachine();
  const text = await formatKeyText(otherKey);
  for (const wrong of ["", "x", text.slice(1), text.replace(/^./, (digit) => digit === "0" ? "1" : "0")]) {
    const { error } = await run(system, { action: "import" }, ["yes"], wrong);
    assert.ok(error instanceof UserError && error.exitCode === 2, wrong);
    assert.ok(!error.message.includes(text.slice(10, 19)));
  }
  assert.ok(await holds(system, key));
  assert.ok((await run(system, { action: "show", file: "/p/x" })).error instanceof UserError);
});

const thirdKey = Uint8Array.from({ length: 32 }, (_, index) => index * 3);
const at = (name: string): string => `/p/aes-keys/${name}`;

Deno.test("the key of another laptop goes beside the own one, which stays, and only sticks are to be written", async () => {
  const system = await createMachine({ "/p/in.txt": await formatKeyText(otherKey) });
  const made = await run(system, { action: "import", file: "/p/in.txt", laptop: "bell" });
  assert.equal(made.error, undefined);
  assert.deepEqual(made.results, [`${await keyFingerprint(otherKey)}  ${at("bell")}`]);
  assert.match(
    made.said,
    /setup-client-usbdrive\n +writes it onto each stick that shall start a desktop from bell, too/,
  );
  assert.doesNotMatch(made.said, /create-initrd|setup-server/);
  assert.ok(await holds(system, key));
  assert.ok(sameBytes(await system.readFile(at("bell")), otherKey));
  assert.equal(system.files.get(at("bell"))?.mode, 0o600);
  assert.equal(system.directories.get("/p/aes-keys")?.mode, 0o700);
  const again = await run(system, { action: "import", file: "/p/in.txt", laptop: "bell" });
  assert.match(again.said, /that key already/);
  const twice = await run(system, { action: "import", file: "/p/in.txt", laptop: "vaio" });
  assert.match(String(twice.error), /is here already: it is that of "bell"/);
  const own = await run(system, { action: "import", laptop: "vaio" }, [], await formatKeyText(key));
  assert.match(String(own.error), /is here already: it is that of "\/p\/aes-key"/);
  const shown = await run(system, { action: "show" });
  assert.deepEqual(shown.results, [
    `${await keyFingerprint(key)}  ${keyPath}`,
    `${await keyFingerprint(otherKey)}  ${at("bell")}`,
  ]);
  const kept = await run(system, { action: "import", laptop: "bell" }, ["skip"], await formatKeyText(thirdKey));
  assert.ok(kept.error instanceof StoppedByUser && sameBytes(await system.readFile(at("bell")), otherKey));
  const renewed = await run(system, { action: "import", laptop: "bell" }, ["yes"], await formatKeyText(thirdKey));
  assert.equal(renewed.error, undefined);
  assert.ok(sameBytes(await system.readFile(at("bell")), thirdKey));
});

Deno.test("a laptop's key is forgotten after a question; the own one and all others stay", async () => {
  const sticks = { version: 1, sticks: [{ name: "SanDisk Ultra", initrdSha256: "a".repeat(64) }] };
  const system = await createMachine({
    [at("bell")]: otherKey,
    [at("vaio")]: thirdKey,
    "/p/build/sticks.json": JSON.stringify(sticks),
  });
  for (const name of ["bell", "vaio"]) await system.chmod(at(name), 0o600);
  const refused = await run(system, { action: "forget", laptop: "bell" }, ["skip"]);
  assert.ok(refused.error instanceof StoppedByUser && system.files.has(at("bell")));
  assert.match(refused.said, /the stick SanDisk Ultra/);
  const { error, said } = await run(system, { action: "forget", laptop: "bell" }, ["yes"]);
  assert.equal(error, undefined);
  assert.ok(!system.files.has(at("bell")));
  assert.ok(sameBytes(await system.readFile(at("vaio")), thirdKey) && await holds(system, key));
  assert.match(said, /setup-client-usbdrive\n +takes it from each stick/);
  assert.match(said, /as long as that laptop has this key/);
  for (const laptop of ["bell", "", "../aes-key", ".", "vaio/"]) {
    const wrong = await run(system, { action: "forget", laptop }, ["yes"]);
    assert.match(String(wrong.error), /There is no key of a laptop/, laptop);
    assert.match(wrong.error instanceof UserError ? wrong.error.hints.join() : "", /has: vaio$/);
  }
  assert.ok(await holds(system, key));
});

Deno.test("one that is broken can be forgotten, and no more than fifteen are taken", async () => {
  const system = await createMachine({ [at("bell")]: otherKey.subarray(1) });
  assert.match(String((await run(system, { action: "show" })).error), /aes-keys\/bell" cannot be used/);
  assert.equal((await run(system, { action: "forget", laptop: "bell" }, ["yes"])).error, undefined);
  for (let number = 0; number < 15; number++) {
    const text = await formatKeyText(Uint8Array.from(otherKey, (byte) => byte ^ (number + 1)));
    assert.equal((await run(system, { action: "import", laptop: `l${number}` }, [], text)).error, undefined);
  }
  const sixteenth = await run(system, { action: "import", laptop: "more" }, [], await formatKeyText(otherKey));
  assert.match(String(sixteenth.error), /There are 15 keys of other laptops/);
  assert.ok(!system.files.has(at("more")));
});

Deno.test("--laptop belongs to import and forget, with a name that a file can have", async () => {
  const system = await createMachine();
  const cases: readonly Pick<KeyOptions, "action" | "file" | "laptop">[] = [
    { action: "forget" },
    { action: "forget", file: "/p/x", laptop: "bell" },
    ...(["show", "new", "export"] as const).map((action) => ({ action, laptop: "bell" })),
    ...["", "../aes-key", "a/b", ".bell", "my laptop"].map((laptop) => ({ action: "import", laptop }) as const),
  ];
  for (const options of cases) {
    const { error } = await run(system, options, ["yes"], await formatKeyText(otherKey));
    assert.ok(error instanceof UserError && error.exitCode === 2, JSON.stringify(options));
  }
  assert.ok(await holds(system, key));
  assert.deepEqual([...system.files.keys()].filter((path) => path.startsWith("/p/aes-keys")), []);
});
