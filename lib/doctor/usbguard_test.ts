import assert from "node:assert/strict";
import { runChecks } from "./check.ts";
import { judgeUsbGuard, usbGuardChecks } from "./usbguard.ts";

Deno.test("N4: USBGuard blocks what its rules do not name, but where it leaves what is plugged in", () => {
  const judge = (settings: string | undefined, rules: string | undefined): string => judgeUsbGuard({ settings, rules });
  const keyboard = 'allow id 046d:c31c serial "" name "Keyboard" hash "x" with-interface { 03:01:01 03:00:00 }\n';
  assert.equal(judge(undefined, undefined), "blocks");
  assert.equal(judge("PresentDevicePolicy=apply-policy\nImplicitPolicyTarget=block\n", keyboard), "blocks");
  assert.equal(judge("#PresentDevicePolicy=keep\n", keyboard), "blocks");
  assert.equal(judge("PresentDevicePolicy=keep\n", keyboard), "keeps");
  assert.equal(judge("PresentDevicePolicy=allow\n", keyboard), "keeps");
  assert.equal(judge("ImplicitPolicyTarget=allow\n", keyboard), "keeps");
  assert.equal(judge("", "allow\n"), "keeps");
  assert.equal(judge("", "allow with-interface one-of { 03:*:* 02:*:* ff:*:* }\n"), "keeps");
  assert.equal(judge("", "allow with-interface one-of { 03:*:* }\n"), "blocks");
  assert.equal(judge("", "allow id 046d:* with-interface one-of { 03:*:* ff:*:* }\n"), "blocks");
});

Deno.test("settings of USBGuard that may not be read are not ok", () => {
  const level = (state: "off" | "hidden" | "blocks" | "keeps"): string | undefined =>
    runChecks(usbGuardChecks, { state })[0]?.level;
  assert.deepEqual((["off", "keeps", "hidden", "blocks"] as const).map(level), ["ok", "ok", "unknown", "warning"]);
});
