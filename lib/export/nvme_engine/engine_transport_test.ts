import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { nvmeEngineTransport } from "./engine_transport.ts";

const settings = { transport: "nvme-engine", disk: "nqn.2014-08.org.example:disk", exportName: "desk" } as const;
const context = { directory: "/run/stiefelsystem" };

Deno.test("nothing runs for it, and it stays lent until it is stopped", async () => {
  const system = createMemorySystem({ files: {} });
  const running = await nvmeEngineTransport.start(system, settings, context);
  assert.equal(await Promise.race([running.exited, Promise.resolve("on")]), "on");
  await running.stop();
  assert.deepEqual(await running.exited, { reason: "stopped" });
});

Deno.test("an agent that is started anew goes on with it: it may be held", async () => {
  const system = createMemorySystem({ files: {} });
  const adoption = await nvmeEngineTransport.adopt(system, { ...settings, wasUsed: false }, context);
  assert.equal(adoption.kind, "running");
  assert.equal(await nvmeEngineTransport.mayBeHeld(system, context), true);
});

Deno.test("without an engine in the settings there is no session", () => {
  const ends = { serverAddress: "", clientAddress: "", allowAddress: "" };
  const disk = { path: "/dev/sda", name: "sda", sizeBytes: 512, logicalBlockSize: 512, problems: [], notices: [] };
  assert.throws(() => nvmeEngineTransport.plan({ ends, disk, random: new Uint8Array(), slot: 0 }), /name no engine/);
});
