import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { parseCpio } from "../../formats/cpio.ts";
import type { ImageRequest } from "../plan_image.ts";
import type { BuildPlaces, StageContext } from "./context.ts";
import { buildOverlay } from "./overlay.ts";

Deno.test("a shell whose path is not in ASCII is in the image's files of users", async () => {
  const system = createMemorySystem({ commands: [() => ""] });
  const request: Partial<ImageRequest> = {
    shell: "/opt/d\u00fcne",
    isDebug: false,
    drivers: [],
    compressor: { program: "cat", arguments: [] },
  };
  const context: Partial<StageContext> = {
    ...{ system, request: request as ImageRequest, directory: "/out" },
    places: { project: "/project" } as Partial<BuildPlaces> as BuildPlaces,
  };
  await buildOverlay(context as StageContext);
  const files = parseCpio(await system.readFile("/out/part.cpio"));
  const users = files.find(({ path }) => path === "etc/passwd");
  assert.ok(users?.kind === "file");
  assert.equal(new TextDecoder().decode(users.content), "root:x:0:0:root:/root:/opt/d\u00fcne\n");
});
