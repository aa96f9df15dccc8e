import assert from "node:assert/strict";
import { loadConfig } from "./config/load_config.ts";
import { readConfigFile } from "./config_file.ts";
import { UserError } from "./errors.ts";
import { createMemorySystem } from "./system/memory.ts";

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
