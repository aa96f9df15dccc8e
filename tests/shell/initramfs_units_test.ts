/** The units that go into an initramfs with systemd: systemd itself finds nothing wrong with them, and they are in the right order. */

import assert from "node:assert/strict";
import { makeMachine, runProgram } from "./shell_rig.ts";

const files = new URL("../../image/host/initramfs-units/usr/lib/stiefelsystem/", import.meta.url).pathname;
const units = ["stiefel-attach.service", "stiefel-prepare.service"] as const;

/** Values of a key over all sections; systemd adds up the lists of repeated lines. */
function readList(unit: string, key: string): readonly string[] {
  return [...Deno.readTextFileSync(`${files}${unit}`).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))]
    .flatMap(([, value = ""]) => value.split(" "));
}

const hasAnalyze = await runProgram(["systemd-analyze", "--version"], { env: { PATH: "/usr/bin:/bin" } })
  .then(({ code }) => code === 0, () => false);
if (!hasAnalyze) console.warn("Skipping the check of units by systemd-analyze: it is not installed");

Deno.test({
  name: "systemd-analyze finds nothing in the units and in the drop-in for devices",
  ignore: !hasAnalyze,
  fn: async () => {
    await using machine = await makeMachine();
    for (const unit of units) {
      machine.write(`/usr/lib/systemd/system/${unit}`, Deno.readTextFileSync(`${files}${unit}`));
    }
    machine.write(
      "/usr/lib/systemd/system/device.d/10-stiefelsystem.conf",
      Deno.readTextFileSync(`${files}device.conf`),
    );
    // What the units name beyond what systemd knows by itself.
    for (const other of ["systemd-udev-trigger.service", "emergency.target", "shutdown.target", "sysroot.mount"]) {
      machine.write(
        `/usr/lib/systemd/system/${other}`,
        other.endsWith(".service") ? "[Service]\nType=oneshot\nExecStart=/bin/true\n" : "",
      );
    }
    machine.write("/bin/true", "");
    machine.write("/usr/lib/stiefelsystem/stiefel-attach", "");
    for (const program of ["/bin/true", "/usr/lib/stiefelsystem/stiefel-attach"]) {
      Deno.chmodSync(`${machine.root}${program}`, 0o755);
    }
    const { code, stderr } = await machine.run([
      "systemd-analyze",
      "verify",
      "--man=no",
      `--root=${machine.root}`,
      ...units,
      "dev-nbd0.device",
    ]);
    const ours = stderr.split("\n").filter((line) => /stiefel|cycle/.test(line));
    assert.deepEqual({ code, ours }, { code: 0, ours: [] });
  },
});

Deno.test("the disk is attached before anything looks for the root file system, and devices are waited for afterwards", () => {
  const before = readList("stiefel-attach.service", "Before");
  for (const unit of ["dracut-initqueue.service", "cryptsetup-pre.target", "initrd-root-device.target"]) {
    assert.ok(before.includes(unit), unit);
  }
  assert.deepEqual(readList("device.conf", "After"), ["stiefel-attach.service"]);
  // A device in its own order would wait for itself.
  assert.ok(!readList("stiefel-attach.service", "After").some((unit) => unit.endsWith(".device")));
});

Deno.test("the system is prepared when everything is mounted and before the root is switched", () => {
  assert.ok(readList("stiefel-prepare.service", "After").includes("initrd-root-fs.target"));
  assert.ok(readList("stiefel-prepare.service", "Before").includes("initrd-cleanup.service"));
});

Deno.test("without a session no unit does anything", () => {
  for (const unit of units) {
    assert.deepEqual(readList(unit, "ConditionPathExists"), ["/stiefelsystem/session"], unit);
  }
});
