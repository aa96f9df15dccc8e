import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { firmwarePackageOf, usualFirmwarePackages } from "../../lib/formats/firmware_packages.ts";
import { sampleLink } from "../../tests/support/sample_link.ts";
import type { Link } from "../../lib/system/facts.ts";
import { createConsole } from "./console.ts";
import { createFirmwareReport, explainMissingFirmware, listMissingFirmware } from "./missing_firmware.ts";

Deno.test("firmware that a card misses is named once, in the words of Debian's kernel and of others", () => {
  const cases: readonly (readonly [log: string, files: readonly string[]])[] = [
    ["[    3.141] r8169 0000:02:00.0: firmware: failed to load rtl_nic/rtl8168g-3.fw (-2)", [
      "r8169 rtl_nic/rtl8168g-3.fw",
    ]],
    ["tg3 0000:01:00.0: Direct firmware load for tigon/tg3_tso.bin failed with error -2", ["tg3 tigon/tg3_tso.bin"]],
    ["r8152 2-1:1.0: Direct firmware load for rtl_nic/rtl8156b-2.fw failed with error -2", [
      "r8152 rtl_nic/rtl8156b-2.fw",
    ]],
    ["<4>bnx2 0000:0b:00.0: firmware: failed to load bnx2/bnx2-mips-09-6.2.1b.fw (-2)\n".repeat(2), [
      "bnx2 bnx2/bnx2-mips-09-6.2.1b.fw",
    ]],
    [
      "tg3 0000:01:00.0: firmware: failed to load a.bin (-2)\ntg3 0000:01:00.0: firmware: direct-loading firmware a.bin",
      [],
    ],
    ["platform regulatory.0: firmware: failed to load regulatory.db (-2)", []],
    ["firmware_class: See https://wiki.debian.org/Firmware for information about missing firmware", []],
    ["r8169 0000:02:00.0: Unable to load firmware rtl_nic/rtl8168g-3.fw (-2)", []],
    ["", []],
  ];
  for (const [log, files] of cases) {
    assert.deepEqual(listMissingFirmware(log).map(({ driver, file }) => `${driver} ${file}`), files, log);
  }
});

Deno.test("the package of a card's firmware is named, and how it gets into an image", () => {
  const cases: readonly (readonly [driver: string, file: string, words: RegExp])[] = [
    ["r8169", "rtl_nic/rtl8168g-3.fw", /\(package firmware-realtek\); image\.firmware adds it/],
    ["r8152", "rtl_nic/rtl8156b-2.fw", /firmware-realtek/],
    ["tg3", "tigon/tg3_tso.bin", /firmware-misc-nonfree/],
    ["bnx2", "bnx2/bnx2-mips-09-6.2.1b.fw", /package firmware-bnx2\)/],
    ["bnx2x", "bnx2x/bnx2x-e2-7.13.21.0.fw", /package firmware-bnx2x\)/],
    ["ice", "intel/ice/ddp/ice.pkg", /\(package firmware-intel-misc\); initrd\.include-packages adds it/],
    ["e100", "e100/d102e_ucode.bin", /firmware-intel-misc/],
    ["myri10ge", "myri10ge_eth_z8e.dat", /firmware-myricom/],
    ["new", "new/card.fw", /: new\/card\.fw, for new; "apt-file search new\/card\.fw" names/],
  ];
  for (const [driver, file, words] of cases) assert.match(explainMissingFirmware({ driver, file }), words, file);
  for (const name of usualFirmwarePackages) assert.ok(name.startsWith("firmware-"));
  assert.equal(firmwarePackageOf(""), undefined);
  assert.equal(firmwarePackageOf("intel/ibt-11-5.sfi"), undefined, "no wired card's");
});

const link = (name: string): Link => ({ ...sampleLink, name });

Deno.test("the agent names each missing file once: since the start, also without a link, and for a card that comes", async () => {
  let log = "";
  const system = createMemorySystem({ commands: [([program]) => program === "dmesg" ? log : undefined] });
  const shown: string[] = [];
  const console = createConsole({
    terminal: { write: (text) => void shown.push(text), canRedraw: false },
    monotonicMs: () => system.monotonicMs(),
  });
  const over = new AbortController();
  const report = createFirmwareReport(system, { console, signal: over.signal });
  const settle = async (): Promise<string> => {
    system.advance(60_000);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    return shown.splice(0).join("");
  };
  log = "bnx2 0000:0b:00.0: firmware: failed to load bnx2/bnx2-mips-09-6.2.1b.fw (-2)\n";
  report([]);
  assert.match(await settle(), /bnx2-mips/);
  report([]);
  report([link("eth0")]);
  assert.equal(await settle(), "");
  log += "r8152 2-1:1.0: Direct firmware load for rtl_nic/rtl8156b-2.fw failed with error -2\n";
  report([link("eth0")]);
  assert.equal(await settle(), "", "nothing has changed");
  report([link("eth0"), link("eth1")]);
  const said = await settle();
  assert.match(said, /rtl8156b/);
  assert.doesNotMatch(said, /bnx2/);
  over.abort();
});
