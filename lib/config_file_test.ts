import assert from "node:assert/strict";
import { loadConfig } from "./config/load_config.ts";
import { readConfigFile } from "./config_file.ts";
import { UserError } from "./errors.ts";
import { createMemorySystem } from "../tests/support/memory_system.ts";

const PATH = "/p/config.yaml";

Deno.test("a configuration is read from its file", async () => {
  const system = createMemorySystem({ files: { [PATH]: "image: {suite: sid}\n" } });
  assert.equal((await readConfigFile(system, PATH)).config.image.suite, "sid");
});

Deno.test("without a file there are the defaults, unless the user named it", async () => {
  const system = createMemorySystem();
  assert.deepEqual(await readConfigFile(system, PATH), await loadConfig("", PATH));
  await assert.rejects(
    readConfigFile(system, PATH, { mustExist: true }),
    /"\/p\/config.yaml" cannot be read: found nothing, wanted a file/,
  );
});

Deno.test("a folder and a huge file are refused", async () => {
  const system = createMemorySystem({ files: { [PATH]: " ".repeat(1_000_000) } });
  await assert.rejects(readConfigFile(system, PATH), UserError);
  await assert.rejects(readConfigFile(system, "/p"), /found a directory, wanted a file/);
});

Deno.test("P14: a directory, a dangling symlink and a file of another name are told with what to do", async () => {
  const system = createMemorySystem({
    files: { "/folder/config.yaml/x": "", "/other/config.yml": "" },
    symlinks: { "/link/config.yaml": "/nowhere" },
  });
  const refusals: readonly (readonly [path: string, message: RegExp, hint: RegExp])[] = [
    ["/folder/config.yaml", /found a directory, wanted a file/, /move the directory away/],
    ["/link/config.yaml", /found a symlink to "\/nowhere", which does not exist/, /remove the symlink/],
    [
      "/other/config.yaml",
      /found nothing, but "\/other\/config.yml"/,
      /^Rename it: mv \/other\/config.yml \/other\/config.yaml$/,
    ],
  ];
  for (const [path, message, hint] of refusals) {
    await assert.rejects(readConfigFile(system, path), (error) => {
      assert.ok(error instanceof UserError && error.exitCode === 2);
      assert.match(error.message, message);
      assert.match(error.hints[0] ?? "", hint);
      return true;
    });
  }
});

Deno.test("P14: a file that we may not read is a user's error", async () => {
  const system = createMemorySystem({ files: { [PATH]: "" } });
  const refused = (): Promise<never> => Promise.reject(new Deno.errors.PermissionDenied("open"));
  const cases = [
    [{ ...system, readFile: refused }, /it belongs to root/, /sudo chown/],
    [{ ...system, stat: refused }, /you may not look there/, /ls -ld \/p$/],
  ] as const;
  for (const [broken, message, hint] of cases) {
    await assert.rejects(readConfigFile(broken, PATH), (error) => {
      assert.ok(error instanceof UserError && error.exitCode === 2);
      assert.match(error.message, message);
      assert.match(error.hints[0] ?? "", hint);
      return true;
    });
  }
});
