/** U7: what the original's files hold, read as it was meant. */

import assert from "node:assert/strict";
import { loadConfig } from "./load_config.ts";

Deno.test("U7: addresses that YAML 1.1 takes for numbers of base 60 are what was written", async () => {
  const macs = [
    "11:11:11:11:11:11",
    "00:11:22:33:44:55",
    "08:00:27:00:11:22",
    "00:1e:06:12:34:56",
    "00:00:00:00:00:00",
    "59:59:59:59:59:59",
    "12:34:56:78:90:12",
    "01:02:03:04:05:06",
    "1e:10:00:00:00:00",
    "52:54:00:12:34:5E",
  ];
  const text = `autokexec:\n  mac_detection: true\n  macs: [${macs.join(", ")}]\n`;
  assert.deepEqual((await loadConfig(text, "f")).config.autokexec.macs, macs.map((mac) => mac.toLowerCase()));
  const block = `autokexec:\n  mac_detection: true\n  macs:\n${macs.map((mac) => `    - ${mac} # card\n`).join("")}`;
  assert.deepEqual((await loadConfig(block, "f")).config.autokexec.macs, macs.map((mac) => mac.toLowerCase()));
});

Deno.test("U7: a LUKS container with the file system right inside needs no further device", async () => {
  const { config } = await loadConfig("boot: {part: {type: luks, luks_block: /dev/sda2}}", "f");
  assert.deepEqual(config.boot.part, { type: "luks", block: "/dev/sda2", luksBlock: "/dev/sda2" });
});
