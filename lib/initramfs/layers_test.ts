import assert from "node:assert/strict";
import { distributions } from "../distro/detect_distribution.ts";
import { generators } from "./registry.ts";

const hostOverlays = new URL("../../image/host/", import.meta.url);

function* walk(folder: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, folder);
    if (entry.isDirectory) yield* walk(path);
    else yield path;
  }
}

Deno.test("every folder of image/host is named by a generator or a distribution, and the other way round", () => {
  const named = new Set([
    "generic",
    ...Object.values(generators).flatMap((
      { layers, ownLayers, updateHooks },
    ) => [...layers, ...ownLayers, ...updateHooks]),
    ...distributions.flatMap(({ kernelHooks }) => kernelHooks),
  ]);
  const there = [...Deno.readDirSync(hostOverlays)].map((entry) => entry.name);
  assert.deepEqual(there.sort(), [...named].sort());
});

Deno.test("every distribution tells of kernel updates", () => {
  for (const { id, kernelHooks } of distributions) assert.ok(kernelHooks.length > 0, id);
});

/** Read or sourced by programs of others, which do not run them. */
const notRun = [
  /\.(service|conf|hook|rules)$/,
  /\/conf\.d\/zzz-stiefelsystem$/,
  /\/conf-hooks\.d\//,
  /\/etc\/initcpio\//,
  /\/stiefelsystem\/(?:attach\/[^/]+\.sh|needs(?:\.sh)?)$/,
  /\/95stiefelsystem\/(attach|check|prepare)\.sh$/,
];

Deno.test("what is run may be run, and nothing else", () => {
  for (const path of walk(hostOverlays)) {
    const mayRun = ((Deno.statSync(path).mode ?? 0) & 0o100) !== 0;
    assert.equal(mayRun, !notRun.some((pattern) => pattern.test(path.pathname)), path.pathname);
  }
});
