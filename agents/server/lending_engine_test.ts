import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import type { AgentSettings } from "../../lib/formats/agent_settings.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { engineSecret, engineSession } from "../../tests/support/protocol_samples.ts";
import { readLendingEngine } from "./lending_engine.ts";

const { port, subsystem, host, hostId, namespaceId, address } = engineSession.disk;
const engine = { addresses: [address], port, subsystem, host, hostId, namespaceId, desktop: "192.0.2.50/24" };
const settings: AgentSettings = { version: 1, boot: {}, onEnd: "reboot", engine };
const path = "/etc/stiefelsystem/engine-secret";

Deno.test("an engine comes with the secret beside the settings, if there is one", async () => {
  const { hostKey, controllerKey } = engineSecret;
  const read = (text: string) => readLendingEngine(createMemorySystem({ files: { [path]: text } }), settings);
  assert.deepEqual(await read(`${hostKey}\n${controllerKey}\n`), { engine, secret: engineSecret });
  assert.deepEqual(await read(hostKey), { engine, secret: { hostKey } });
  assert.deepEqual(await readLendingEngine(createMemorySystem({ files: {} }), settings), { engine });
  const { engine: _, ...plain } = settings;
  assert.equal(await readLendingEngine(createMemorySystem({ files: { [path]: hostKey } }), plain), undefined);
  const beside = createMemorySystem({ files: { "/x/engine-secret": hostKey } });
  assert.deepEqual(await readLendingEngine(beside, settings, "/x/agent.json"), { engine, secret: { hostKey } });
});

Deno.test("a file that holds no secret ends the agent, and is not repeated", async () => {
  for (
    const text of ["", "almost:DHHC-1:00:AAAA:", `${engineSecret.hostKey}\nx`, `${engineSecret.hostKey}\n`.repeat(3)]
  ) {
    const reading = readLendingEngine(createMemorySystem({ files: { [path]: text } }), settings);
    await assert.rejects(reading, (error: Error) => error instanceof UserError && !error.message.includes("DHHC"));
  }
});
