/** doc/protocol.md is the contract: what the code knows must be named there, with the same numbers. */
import assert from "node:assert/strict";
import { clientMessages, routedSession, serverMessages } from "../../tests/support/protocol_samples.ts";
import { AGENT_KEY_PATH, AGENT_SETTINGS_PATH } from "../formats/agent_settings.ts";
import { BOOT_EXCHANGE_PORT, CONTROL_MAX_BYTES, PASSPHRASE_MAX_BYTES, REFUSE_CODES } from "./boot_exchange.ts";
import { CLIENT_WAIT_MS } from "./client_session.ts";
import { DISCOVERY_BYTES, DISCOVERY_GROUP, DISCOVERY_PORT } from "./discovery.ts";
import {
  CLIENT_OPENING_BYTES,
  DATA_MAX_BYTES,
  FRAME_BODY_MAX_BYTES,
  MESSAGE_BODY_MAX_BYTES,
  OPENING_MAX_BYTES,
} from "./frames.ts";
import { COMMAND_LINE_MAX_BYTES } from "../formats/kernel_command_line.ts";
import { NOISE_PROTOCOL_NAME } from "./noise.ts";
import { CHALLENGES_MAX, DISCOVERY_RATE_LIMITS } from "./replay_guard.ts";
import { SERVER_WAIT_MS } from "./server_session.ts";
import { formatSession, SESSION_FILE_PATH } from "./session.ts";

// Where a line ends is no matter.
const text = (await Deno.readTextFile(new URL("../../doc/protocol.md", import.meta.url))).replaceAll(/\s+/g, " ");

function assertNamed(words: readonly string[]): void {
  assert.deepEqual(words.filter((word) => !text.includes(word)), []);
}

Deno.test("doc/protocol.md names every message, code, key and state", () => {
  assertNamed(
    [...clientMessages, ...serverMessages].flatMap((message) =>
      Object.keys(message).concat(message.kind).map((word) => `\`${word}\``)
    ),
  );
  assertNamed(REFUSE_CODES.map((code) => `\`${code}\``));
  assertNamed(Object.keys(routedSession).map((key) => `\`${key}\``));
  assertNamed([...formatSession(routedSession).matchAll(/^[A-Z_]+/gm)].map(([key]) => `\`${key}\``));
  assertNamed([...Object.keys(CLIENT_WAIT_MS), ...Object.keys(SERVER_WAIT_MS)]);
});

Deno.test("doc/protocol.md has the numbers of the code", () => {
  assertNamed([
    `UDP ${DISCOVERY_PORT}`,
    `\`${DISCOVERY_GROUP}\``,
    `port ${BOOT_EXCHANGE_PORT}`,
    `has ${DISCOVERY_BYTES} bytes`,
    NOISE_PROTOCOL_NAME,
    `client's opening, ${CLIENT_OPENING_BYTES} bytes`,
    `at most ${OPENING_MAX_BYTES} bytes`,
    `at most ${MESSAGE_BODY_MAX_BYTES} bytes towards the server and ${FRAME_BODY_MAX_BYTES} towards`,
    `JSON, at most ${CONTROL_MAX_BYTES} bytes`,
    `1 to ${DATA_MAX_BYTES} bytes`,
    `1 to ${PASSPHRASE_MAX_BYTES} bytes`,
    `At most ${COMMAND_LINE_MAX_BYTES} bytes`,
    `at most ${CHALLENGES_MAX} are remembered`,
    `${DISCOVERY_RATE_LIMITS.perSourcePerSecond} per second and source (burst ${DISCOVERY_RATE_LIMITS.perSourceBurst})`,
    `${DISCOVERY_RATE_LIMITS.globalPerSecond} per second in all (burst ${DISCOVERY_RATE_LIMITS.globalBurst})`,
    `${DISCOVERY_RATE_LIMITS.maxSources} sources`,
    `\`${SESSION_FILE_PATH}\``,
    `\`${AGENT_SETTINGS_PATH}\``,
    `\`${AGENT_KEY_PATH}\``,
  ]);
  for (const waits of [CLIENT_WAIT_MS, SERVER_WAIT_MS]) {
    assertNamed(
      Object.entries(waits).filter(([, ms]) => Number.isFinite(ms)).map(([name, ms]) => `| ${name} | ${ms / 1000} |`),
    );
  }
});
