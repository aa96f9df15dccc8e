/** P15, A9: several first runs at the same time, each a process of its own, end up with one key. */
import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });

const script = `
import { loadOrCreateKey } from ${JSON.stringify(new URL("../../lib/key_file.ts", import.meta.url).href)};
import { createRealSystem } from ${JSON.stringify(new URL("../../lib/system/real.ts", import.meta.url).href)};
const [path] = Deno.args;
console.log("ready");
await Deno.stdin.read(new Uint8Array(1)); // all start at the same moment
const { key, created } = await loadOrCreateKey(createRealSystem(), path);
console.log(created + " " + [...key].join(","));
`;

Deno.test("P15: six first runs at once without a key make one", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/run.ts`, script);
    for (let round = 0; round < 5; round++) {
      const path = `${directory}/aes-key-${round}`;
      const start = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
      const runs = Array.from({ length: 6 }, () => {
        const ready = Promise.withResolvers<void>();
        const lines: string[] = [];
        const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
          pull: async (controller) => {
            controller.enqueue(await start.promise);
            controller.close();
          },
        });
        const argv = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-write"];
        const run = system.spawn([...argv, `--config=${projectRoot}deno.json`, `${directory}/run.ts`, path], {
          input,
          env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` },
          onLine: (line) => line === "ready" ? ready.resolve() : lines.push(line),
        });
        return { run, ready: Promise.race([ready.promise, run.exited]), lines };
      });
      await Promise.all(runs.map(({ ready }) => ready));
      start.resolve(new Uint8Array(1));
      for (const { run, lines } of runs) assert.equal((await run.exited).exitCode, 0, lines.join("\n"));
      const said = runs.flatMap(({ lines }) => lines);
      const key = (await Deno.readFile(path)).join(",");
      assert.deepEqual(said.map((line) => line.split(" ")[1]), Array(6).fill(key));
      assert.equal(said.filter((line) => line.startsWith("true")).length, 1, said.join("\n"));
    }
    assert.equal((await system.readDirectory(directory)).filter((name) => name.endsWith(".tmp")).length, 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
