import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { loadConfig } from "../../config/load_config.ts";
import { UserError } from "../../errors.ts";
import { makeImageRequest } from "../image_request.ts";
import type { StageContext } from "./context.ts";
import { buildKeymap } from "./keymap.ts";

async function contextFor(isConfigured: boolean): Promise<StageContext> {
  const found = { overlay: "o", agentSources: "a", runtime: "r", sharedKey: "k" };
  const { config } = await loadConfig("", "config.yaml");
  const request = makeImageRequest(config, { mirror: "http://mirror.example/debian", agentForm: "bundle", found });
  return {
    system: createMemorySystem({ files: {} }),
    request: { ...request, keymap: { name: "lt.baltic", isConfigured } },
    places: { project: "/p", deno: "/deno", runtime: "/deno", denoEnvironment: {}, key: "/key" },
    progress: { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} },
    signal: new AbortController().signal,
    directory: "/stage",
    result: () => assert.fail("it needs no other stage"),
  };
}

Deno.test("P13: a keymap of the building machine that Debian does not have leaves the kernel's own, and a word", async () => {
  const context = await contextFor(false);
  const record = await buildKeymap(context);
  assert.match(record.summary, /^"us": this machine's "lt\.baltic" is not known .*initrd\.keymap/);
  const archive = new TextDecoder().decode(await context.system.readFile("/stage/part.cpio"));
  assert.doesNotMatch(archive, /keymap/);
});

Deno.test("P13: a keymap of the configuration that Debian does not have ends the build", async () => {
  await assert.rejects(
    buildKeymap(await contextFor(true)),
    (error: unknown) =>
      error instanceof UserError && error.exitCode === 2 && /no keymap "lt\.baltic"/.test(error.message),
  );
});
