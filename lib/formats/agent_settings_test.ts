import assert from "node:assert/strict";
import { agentSettings } from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { formatAgentSettings, parseAgentSettings } from "./agent_settings.ts";

Deno.test("agent settings survive a round trip", () => {
  for (const settings of agentSettings) assert.deepEqual(parseAgentSettings(formatAgentSettings(settings)), settings);
});

Deno.test("agent settings in any other form are refused", () => {
  const text = '{"version":1,"boot":{},"onEnd":"reboot"}\n';
  assert.equal(formatAgentSettings({ version: 1, boot: {}, onEnd: "reboot" }), text);
  const cases: readonly [string, ProtocolErrorCode][] = [
    ["", "truncated"],
    [text.trimEnd(), "truncated"],
    [text.replace('"version":1', '"version":2'), "unknown-version"],
    ['{"version":7}\n', "unknown-version"],
    [text.replace("reboot", "halt"), "malformed"],
    [text.replace('"boot":{}', '"boot":{"dsk":"x"}'), "malformed"],
    [text.replace(":1", ": 1"), "malformed"],
    [text.replace("{}", '{},"boot":{}'), "malformed"],
    [text + "\n", "malformed"],
    ["[]\n", "malformed"],
    [`{"x":"${"y".repeat(20000)}"}\n`, "oversize"],
  ];
  for (const [bad, code] of cases) {
    assert.throws(
      () => parseAgentSettings(bad),
      (error) => error instanceof ProtocolError && error.code === code,
      bad.slice(0, 60),
    );
  }
});
