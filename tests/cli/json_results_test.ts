/** What commands print with --json is what the schemas in doc/ say. */

import assert from "node:assert/strict";
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { printImage } from "../../lib/cli/commands/create_initrd.ts";
import { doctor } from "../../lib/cli/commands/doctor.ts";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { DoctorResultSchema, ImageResultSchema, SetupResultSchema } from "../../lib/cli/json_results.ts";
import { UserError } from "../../lib/errors.ts";
import { placeArtifacts } from "../../lib/image/publish_artifacts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { Ui } from "../../lib/ui.ts";
import { createMadeUpLaptop } from "../support/made_up_laptop.ts";
import { createMemorySystem } from "../support/memory_system.ts";
import { projectRoot } from "../support/source_tree.ts";
import { snapshot } from "../support/host_rig.ts";

const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";

const documents = {
  "doctor": ["doctor --json", DoctorResultSchema],
  "create-initrd": ["create-initrd --json", ImageResultSchema],
  "setup-server": ["setup-server --dry-run --json", SetupResultSchema],
} as const;

for (const [name, [title, schema]] of Object.entries(documents)) {
  Deno.test(`doc/${name}.schema.json is current`, async () => {
    const path = `${projectRoot}doc/${name}.schema.json`;
    const text = `${JSON.stringify({ ...toJsonSchema(schema), title }, null, 2)}\n`;
    if (isUpdate) await Deno.writeTextFile(path, text);
    assert.equal(await Deno.readTextFile(path), text, "deno task golden writes it");
  });
}

/** Schemas are open, for fields to come; what is printed has none that they do not know. */
function parseWhole<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const parsed = v.parse(schema, value);
  assert.deepEqual(parsed, value);
  return parsed;
}

/** Keeps what goes to standard output. */
function createKeepingUi(results: string[]): Ui {
  const refuse = (): never => {
    throw new TypeError("A program asks no questions");
  };
  const progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
  return {
    result: (text) => void results.push(text),
    page: (text) => Promise.resolve(void results.push(text)),
    say: () => {},
    warn: () => {},
    progress: () => progress,
    ask: refuse,
    confirm: refuse,
    askText: refuse,
    askSecret: refuse,
    screen: () => ({ columns: 80, rows: undefined }),
    isTerminal: false,
    color: false,
  };
}

Deno.test("doctor --json prints every check, and says by its exit status, too, that there is an error", async () => {
  const { system, setup } = await createMadeUpLaptop({ hookLines: 0 });
  const json: string[] = [];
  const lines: string[] = [];
  await assert.rejects(doctor(system, createKeepingUi(json), { ...setup, isJson: true }), UserError);
  await assert.rejects(doctor(system, createKeepingUi(lines), setup), UserError);
  const result = parseWhole(DoctorResultSchema, JSON.parse(json.join("\n")));
  assert.equal(result.isUsable, false);
  assert.ok(result.checks.length > 20);
  for (const { title } of result.checks) assert.ok(lines.some((line) => line.includes(title)), title);
  assert.deepEqual(result.checks.filter(({ level, cure }) => level === "error" && cure === undefined), []);
});

Deno.test("setup-server --dry-run --json prints the whole plan, and changes nothing", async () => {
  const { system, setup } = await createMadeUpLaptop({ hookLines: 0 });
  const before = JSON.stringify(snapshot(system));
  for (const withDiffs of [false, true]) {
    const json: string[] = [];
    await setupServer(system, createKeepingUi(json), { ...setup, dryRun: true, isJson: true, withDiffs });
    const result = parseWhole(SetupResultSchema, JSON.parse(json.join("\n")));
    assert.ok(result.operations.length > 10);
    assert.ok(result.operations.every(({ change }) => (change !== undefined) === withDiffs));
    assert.ok(result.operations.some(({ id, status }) => id === "/etc/stiefelsystem/aes-key" && status === "new"));
    assert.equal(result.root, "/");
    const ids = result.operations.map(({ id }) => id);
    for (const { needs } of result.operations) assert.deepEqual(needs.filter((id) => !ids.includes(id)), []);
    const key = (await system.readFile(setup.keyPath)).toHex();
    assert.ok(!json.join("\n").includes(key), "the key is shown");
  }
  assert.equal(JSON.stringify(snapshot(system)), before);
  await assert.rejects(
    setupServer(system, createKeepingUi([]), { ...setup, isJson: true }),
    (error) => error instanceof UserError && error.exitCode === 2,
  );
});

Deno.test("create-initrd --json prints the artifacts with their sums", async () => {
  const image = { ...placeArtifacts("/out"), architecture: "amd64", isMade: true } as const;
  const system = createMemorySystem({ files: { "/out/kernel": "abc", "/out/initrd": "", "/out/manifest.json": "{}" } });
  for (const form of ["packed", "folder"] as const) {
    const json: string[] = [];
    await printImage(system, createKeepingUi(json), { image, form });
    const { artifacts, isMade } = parseWhole(ImageResultSchema, JSON.parse(json.join("\n")));
    assert.ok(isMade);
    assert.deepEqual(artifacts[0], {
      name: "kernel",
      path: "/out/kernel",
      sizeBytes: 3,
      // FIPS 180-2, appendix B.1
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
    assert.deepEqual(
      artifacts.map(({ name }) => name),
      ["kernel", "initrd", "manifest", ...form === "folder" ? ["folder"] : []],
    );
  }
  const nothing: string[] = [];
  await printImage(system, createKeepingUi(nothing), { image: { ...image, isMade: false }, form: "packed" });
  assert.deepEqual(parseWhole(ImageResultSchema, JSON.parse(nothing.join(""))).artifacts, []);
});

Deno.test("the launcher passes --json on: doctor and create-initrd --dry-run print one object each", async () => {
  const directory = await Deno.makeTempDir({ prefix: "stiefel json-" });
  try {
    await Deno.writeTextFile(`${directory}/c.yaml`, "modules: [base]\n");
    const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
    const env = {
      PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: Deno.env.get("HOME") ?? "/",
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    };
    const print = async (...args: readonly string[]): Promise<unknown> => {
      const argv = [`${projectRoot}stiefelsystem`, ...args, "--config", `${directory}/c.yaml`, "--json"];
      return JSON.parse((await system.run(argv, { env, acceptExitCodes: [0, 1] })).stdout);
    };
    parseWhole(DoctorResultSchema, await print("doctor"));
    const image = await print("create-initrd", "--dry-run", "--cache-dir", `${directory}/cache`);
    const { stages = [], isMade } = parseWhole(ImageResultSchema, image);
    assert.ok(stages.some(({ name }) => name === "pack") && !isMade);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
