import assert from "node:assert/strict";
import { loadConfig } from "../config/load_config.ts";
import { parseCpio } from "../formats/cpio.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { listGeneratedFiles } from "./generated_files.ts";
import { makeImageRequest } from "./image_request.ts";
import { type ImageRequest, planImage } from "./plan_image.ts";
import { stageKey, type StageName } from "./stage.ts";
import type { BuildPlaces, StageContext } from "./stages/context.ts";
import { buildSecrets } from "./stages/secrets.ts";

const found = { overlay: "o", agentSources: "a", runtime: "r", sharedKey: "k" };

async function requestFor(yaml: string): Promise<ImageRequest> {
  const { config } = await loadConfig(yaml, "config.yaml");
  return makeImageRequest(config, { mirror: "http://mirror.example/debian", agentForm: "bundle", found });
}

/** The keys all stages get when every result is named after its own key, so that a change shows downstream too. */
function keysOf(request: ImageRequest): Map<StageName, string> {
  const keys = new Map<StageName, string>();
  for (const stage of planImage(request)) keys.set(stage.name, stageKey(stage, Object.fromEntries(keys)));
  return keys;
}

/** Stages whose key differs between two requests. */
function changed(a: ImageRequest, b: ImageRequest): StageName[] {
  const [before, after] = [keysOf(a), keysOf(b)];
  return [...after.keys()].filter((name) => before.get(name) !== after.get(name));
}

Deno.test("the same request gives the same keys", async () => {
  assert.deepEqual(changed(await requestFor(""), await requestFor("")), []);
});

Deno.test("an edited agent changes all agents and the image, nothing else", async () => {
  const request = await requestFor("");
  const edited = { ...request, found: { ...found, agentSources: "edited" } };
  assert.deepEqual(changed(request, edited), ["agents", "autokexec", "pack"]);
});

Deno.test("what a change in the configuration makes anew", async () => {
  const cases: readonly (readonly [yaml: string, stages: readonly StageName[]])[] = [
    ["initrd: {include-packages: [mc]}", ["base", "trim", "drivers", "pack"]],
    ["image: {suite: forky}", ["base", "trim", "drivers", "loaders", "pack"]],
    ["initrd: {packing: {exclude-paths: [etc/lvm]}}", ["trim", "pack"]],
    ["initrd: {packing: {exclude-packages: [lvm2]}}", ["trim", "pack"]],
    ["initrd: {shell: /usr/bin/bash}", ["overlay", "pack"]],
    ["initrd: {packing: {compressor: zstd -5}}", ["trim", "drivers", "overlay", "runtime", "agents", "pack"]],
    ["initrd: {keymap: de}", ["keymap", "pack"]],
    ["initrd: {keymap: us}", []],
    ["boot: {disk: /dev/nvme0n1}", ["secrets", "pack"]],
    ["server: {on-end: poweroff}", ["secrets", "pack"]],
    ["modules: [i915]\nimage: {firmware: false}", ["base", "trim", "drivers", "pack"]],
  ];
  for (const [yaml, stages] of cases) {
    assert.deepEqual(changed(await requestFor(""), await requestFor(yaml)), stages, yaml);
  }
});

Deno.test("another key changes nothing but the secrets and the image", async () => {
  const request = await requestFor("");
  assert.deepEqual(changed(request, { ...request, found: { ...found, sharedKey: "other" } }), ["secrets", "pack"]);
});

Deno.test("drivers from source are a stage of their own, only when they are chosen", async () => {
  const names = (request: ImageRequest): StageName[] => planImage(request).map(({ name }) => name);
  assert.ok(!names(await requestFor("")).includes("compile"));
  const yaml = `modules: [tiny]\nmodule-configs: {tiny: {url: "file:///tiny.tar", sha256: ${"a".repeat(64)}}}`;
  const request = await requestFor(yaml);
  assert.deepEqual(names(request).slice(0, 4), ["base", "trim", "compile", "drivers"]);
});

Deno.test("where mmdebstrap has to be fetched, that comes before all that runs it, and nothing else waits", async () => {
  const yaml = `modules: [tiny]\nmodule-configs: {tiny: {url: "file:///tiny.tar", sha256: ${"a".repeat(64)}}}\n` +
    "initrd: {keymap: de}\nnetboot: {links: [aa:bb:cc:dd:ee:01]}";
  const request = await requestFor(yaml);
  assert.ok(!planImage(request).some(({ name }) => name === "tools"));
  const fetching = { ...request, found: { ...found, archiveKeys: "d" } };
  const waiting = planImage(fetching).filter(({ needs }) => needs.includes("tools")).map(({ name }) => name);
  assert.deepEqual(waiting, ["base", "compile", "keymap", "loaders", "netboot"]);
  assert.equal(planImage(fetching)[0]?.name, "tools");
});

Deno.test("compiled agents depend on the runtime they share", async () => {
  const request = { ...await requestFor(""), agentForm: "compile" as const };
  const agents = planImage(request).find(({ name }) => name === "agents");
  assert.deepEqual(agents?.needs, ["runtime"]);
});

Deno.test("a plan holds neither key nor password", async () => {
  const request = { ...await requestFor("modules: [debug]\ninitrd: {password: secret-word}"), passwordHash: "$6$x$y" };
  assert.doesNotMatch(JSON.stringify(planImage(request)), /secret-word|\$6\$x\$y/);
});

Deno.test("a debugging image's password lies with the key, not in what anybody on the cable may fetch", async () => {
  const yaml = "modules: [debug]\nnetboot: {links: ['52:54:00:12:34:56']}";
  const request = { ...await requestFor(yaml), passwordHash: "$6$x$y" };
  const files = listGeneratedFiles(request);
  assert.equal(files.find(({ path }) => path === "etc/shadow")?.content, "root:!:20089::::::\n");
  assert.deepEqual(changed(request, { ...request, passwordHash: "$6$x$z" }), ["secrets", "pack"]);
  const system = createMemorySystem({ files: { "/key": "k" } });
  const places = { key: "/key" } as Partial<BuildPlaces> as BuildPlaces;
  const context: Partial<StageContext> = { system, request, places, directory: "/out" };
  await buildSecrets(context as StageContext);
  const shadow = parseCpio(await system.readFile("/out/part.cpio")).find(({ path }) => path === "etc/shadow");
  assert.ok(shadow?.kind === "file");
  assert.deepEqual([shadow.mode, new TextDecoder().decode(shadow.content)], [0o600, "root:$6$x$y:20089::::::\n"]);
});

Deno.test("every stage comes after what it needs", async () => {
  const seen = new Set<string>();
  for (const stage of planImage(await requestFor(""))) {
    assert.ok(stage.needs.every((name) => seen.has(name)), stage.name);
    seen.add(stage.name);
  }
});

Deno.test("P13: the image has the keys of the machine that builds it, unless the configuration names others", async () => {
  const context = { mirror: "http://mirror.example/debian", agentForm: "bundle", found } as const;
  const keymapOf = async (yaml: string, hostKeymap?: string): Promise<ImageRequest["keymap"]> =>
    makeImageRequest((await loadConfig(yaml, "config.yaml")).config, { ...context, hostKeymap }).keymap;
  assert.deepEqual(await keymapOf("", "de-latin1"), { name: "de-latin1", isConfigured: false });
  assert.deepEqual(await keymapOf("initrd: {keymap: fr}", "de"), { name: "fr", isConfigured: true });
  assert.deepEqual(await keymapOf("initrd: {keymap: us}", "de"), { name: "us", isConfigured: true });
  assert.deepEqual(await keymapOf(""), { name: "us", isConfigured: false });
});
