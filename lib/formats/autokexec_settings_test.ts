import assert from "node:assert/strict";
import { autokexecSettings as settings } from "../../tests/support/protocol_samples.ts";
import { formatAutokexecSettings, parseAutokexecSettings } from "./autokexec_settings.ts";

Deno.test("autokexec settings survive a round trip", () => {
  assert.deepEqual(parseAutokexecSettings(formatAutokexecSettings(settings)), settings);
});

Deno.test("autokexec settings that are cut, extended or not of this version are refused", () => {
  const text = formatAutokexecSettings(settings);
  const bad = [
    text.slice(0, -1),
    text.slice(0, 40) + "\n",
    text.replace('"version":1', '"version":2'),
    text.replace("{", '{"more":1,'),
    text.replace("52:54", "5254"),
    text.replace('"/var', '"var'),
  ];
  for (const one of bad) assert.throws(() => parseAutokexecSettings(one), one);
});
