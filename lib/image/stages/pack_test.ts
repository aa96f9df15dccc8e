import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { loadConfig } from "../../config/load_config.ts";
import { cpioPaddingBytes, parseCpio } from "../../formats/cpio.ts";
import { parsePublicInitrd, PUBLIC_INITRD_PATH } from "../../formats/public_initrd.ts";
import { hashText } from "../../hash.ts";
import { makeImageRequest } from "../image_request.ts";
import { planImage } from "../plan_image.ts";
import type { StageName } from "../stage.ts";
import type { StageContext } from "./context.ts";
import { buildPack, endName, partNames } from "./pack.ts";

const secret = "the shared key, and the secret of a storage system";

/** Packs an image of such parts. */
async function pack(yaml: string): Promise<{ readonly initrd: Uint8Array; readonly end: Uint8Array }> {
  const { config } = await loadConfig(yaml, "config.yaml");
  const found = { overlay: "o", agentSources: "a", runtime: "r", sharedKey: "k" };
  const request = makeImageRequest(config, { mirror: "http://mirror.example/debian", agentForm: "bundle", found });
  const planned = new Set(planImage(request).map(({ name }) => name));
  const parts = partNames.filter((name) => planned.has(name));
  const tree = "/cache/base/tree";
  const system = createMemorySystem({
    files: {
      [`${tree}/usr/lib/modules/6.12.0-amd64/modules.order`]: "",
      [`${tree}/boot/vmlinuz-6.12.0-amd64`]: "kernel",
      [`${tree}/var/lib/stiefelsystem/packages.tsv`]: "",
      [`${tree}/var/lib/stiefelsystem/release-date`]: "",
      ...Object.fromEntries(parts.map((name) => [`/cache/${name}/part`, name === "secrets" ? secret : `part ${name}`])),
    },
  });
  const context: StageContext = {
    system,
    request,
    places: { project: "/p", deno: "/deno", runtime: "/deno", denoEnvironment: {}, key: "/key" },
    progress: { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} },
    signal: new AbortController().signal,
    directory: "/stage",
    result: (name: StageName) => ({
      directory: `/cache/${name}`,
      record: { fingerprint: name, part: "part", sizeBytes: 1, unpackedBytes: 1, summary: "" },
    }),
  };
  await buildPack(context, parts);
  return {
    initrd: await system.readFile("/stage/initrd"),
    end: await system.readFile(`/stage/${endName}`),
  };
}

Deno.test("what is noted as public holds every part that a desktop needs, and nothing of the secrets", async () => {
  const { initrd, end } = await pack('netboot: {links: ["52:54:00:12:34:56"]}');
  const [description, complete, ...others] = parseCpio(end);
  assert.ok(description?.kind === "file" && complete?.kind === "file" && others.length === 0);
  assert.equal(`/${description.path}`, PUBLIC_INITRD_PATH);
  const { sizeBytes, sha256 } = parsePublicInitrd(new TextDecoder().decode(description.content));
  const given = initrd.subarray(0, sizeBytes);
  assert.equal(hashText(given), sha256);
  // The kernel looks for the next archive there, and the server puts its own end there.
  assert.equal(cpioPaddingBytes(sizeBytes), 0);
  const text = new TextDecoder().decode(given);
  for (const name of ["trim", "drivers", "overlay", "runtime", "agents"]) {
    assert.ok(text.includes(`part ${name}`), name);
  }
  assert.ok(!text.includes(secret) && !text.includes("part netboot"));
  const rest = new TextDecoder().decode(initrd.subarray(sizeBytes));
  assert.ok(rest.startsWith("part netboot") && rest.includes(secret));
});

Deno.test("an image that starts no desktops over the network notes nothing, and brings nothing for it", async () => {
  const { initrd, end } = await pack("");
  assert.deepEqual(parseCpio(end).map(({ path }) => path), ["usr/lib/stiefelsystem/complete"]);
  assert.ok(!new TextDecoder().decode(initrd).includes("part netboot"));
});
