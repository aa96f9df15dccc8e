/**
 * doc/config.md, config.schema.json and config-example.yaml say what the code does. `UPDATE_GOLDEN=1` rewrites the
 * first two.
 */

import assert from "node:assert/strict";
import { formatConfigJsonSchema } from "../../tests/support/config_json_schema.ts";
import { loadConfig } from "./load_config.ts";
import { MODULE_CATALOG } from "./module_catalog.ts";
import { type KeyInfo, listKeys } from "./schema_keys.ts";
import { configSchema } from "./schema.ts";

const root = new URL("../../", import.meta.url);
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";
const TABLE = /(?<=<!-- keys: [^>]* -->\n)[^]*(?=<!-- \/keys -->)/;

async function read(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, root));
}

function formatTable(keys: readonly KeyInfo[]): string {
  const rows = keys.map((key) => `| \`${key.path}\` | ${formatFallback(key)} | ${key.description} |\n`);
  return `\n| key | default | meaning |\n|---|---|---|\n${rows.join("")}\n`;
}

function formatFallback({ fallback, isRequired }: KeyInfo): string {
  if (isRequired) return "*needed*";
  if (fallback === undefined) return "—";
  if (Array.isArray(fallback)) return `\`[${fallback.join(", ")}]\``;
  return `\`${fallback}\``;
}

Deno.test("doc/config.md lists every key with its default, as the code has them", async () => {
  const text = await read("doc/config.md");
  const table = formatTable(listKeys(configSchema));
  if (isUpdate) await Deno.writeTextFile(new URL("doc/config.md", root), text.replace(TABLE, () => table));
  else assert.equal(TABLE.exec(text)?.[0], table);
});

Deno.test("every key has a meaning", () => {
  for (const { path, description } of listKeys(configSchema)) assert.notEqual(description, "", path);
});

Deno.test("doc/config.md names every module", async () => {
  const text = await read("doc/config.md");
  for (const { name } of MODULE_CATALOG) assert.ok(text.includes(`\`${name}\``), name);
});

Deno.test("config.schema.json is current", async () => {
  const schema = formatConfigJsonSchema();
  if (isUpdate) await Deno.writeTextFile(new URL("config.schema.json", root), schema);
  else assert.equal(await read("config.schema.json"), schema);
});

Deno.test("config-example.yaml loads without a warning and gives the defaults", async () => {
  const { config, warnings } = await loadConfig(await read("config-example.yaml"), "config-example.yaml");
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, (await loadConfig("", "config.yaml")).config);
});

Deno.test("config-example.yaml shows every key", async () => {
  const text = await read("config-example.yaml");
  for (const { path } of listKeys(configSchema)) {
    if (path.startsWith("paths.workdir-subpaths.")) continue;
    const name = path.split(".").at(-1);
    assert.match(text, new RegExp(`^ *#? *(- )?${name}:`, "m"), path);
  }
});

Deno.test("config-example.yaml with its commented values switched on still loads", async () => {
  // A blank after the "#" makes a remark, none or two a value that is switched off.
  const text = (await read("config-example.yaml"))
    .replaceAll(/^( *)#(?! \S|$)/gm, "$1")
    .replace(/^ {2}part:\n {4}type: plain\n.*\n/m, "")
    .replaceAll(/^ {2}- system-(arch|arch-dracut|gentoo) .*\n/gm, "")
    .replaceAll("…", "0".repeat(64));
  const { config, warnings } = await loadConfig(text, "config-example.yaml");
  assert.deepEqual(warnings.map(({ key }) => key), ["module-configs.my-driver"]);
  assert.equal(config.boot.part?.type, "luks");
  assert.deepEqual(config.drivers.map(({ name }) => name), ["r8152", "clevo-fancontrol"]);
  assert.deepEqual(config.boot.load?.cmdline, ["root=UUID=00000000-0000-0000-0000-000000000000", "rw"]);
});
