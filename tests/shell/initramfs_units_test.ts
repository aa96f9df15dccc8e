/**
 * The units that go into an initramfs with systemd: systemd itself finds nothing wrong with them, and they are in the
 * right order.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeMachine, runProgram } from "./shell_rig.ts";

const files = fileURLToPath(new URL("../../image/host/initramfs-units/usr/lib/stiefelsystem/", import.meta.url));
const units = ["stiefel-attach.service", "stiefel-check.service", "stiefel-prepare.service"] as const;
/** What root.conf is a drop-in for. */
const rootUnits = ["sysroot.mount", "sysusr-usr.mount", "systemd-fsck-root.service", "systemd-fsck@.service"] as const;

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
    for (const unit of rootUnits) {
      machine.write(
        `/usr/lib/systemd/system/${unit}.d/10-stiefelsystem.conf`,
        Deno.readTextFileSync(`${files}root.conf`),
      );
    }
    // What the units name beyond what systemd knows by itself; the root file system as systemd-fstab-generator has it
    // mounted.
    const service = "[Service]\nType=oneshot\nExecStart=/bin/true\n";
    const others = {
      "systemd-udev-trigger.service": service,
      "emergency.target": "",
      "shutdown.target": "",
      "initrd-root-device.target": "[Unit]\nRequires=dev-nbd0p2.device\nAfter=dev-nbd0p2.device\n",
      "systemd-fsck-root.service":
        `[Unit]\nDefaultDependencies=no\nBefore=sysroot.mount\nAfter=initrd-root-device.target\n${service}`,
      "sysroot.mount": "[Unit]\nBefore=initrd-root-fs.target\nRequires=systemd-fsck-root.service\n" +
        "After=systemd-fsck-root.service blockdev@dev-nbd0p2.target\n[Mount]\nWhere=/sysroot\nWhat=/dev/nbd0p2\n",
      "initrd-root-fs.target": "[Unit]\nRequires=sysroot.mount initrd-root-device.target\nAfter=sysroot.mount\n",
    };
    for (const [name, text] of Object.entries(others)) machine.write(`/usr/lib/systemd/system/${name}`, text);
    const ourPrograms = ["attach", "check"].map((name) => `/usr/lib/stiefelsystem/stiefel-${name}`);
    for (const program of ["/bin/true", ...ourPrograms]) {
      machine.write(program, "");
      Deno.chmodSync(`${machine.root}${program}`, 0o755);
    }
    const { code, stderr } = await machine.run([
      "systemd-analyze",
      "verify",
      "--man=no",
      `--root=${machine.root}`,
      ...units,
      "dev-nbd0.device",
      "initrd-root-fs.target",
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

Deno.test("whether the laptop is hibernated is seen when all is unlocked, and nothing checks or mounts the root file system if it is", () => {
  const check = "stiefel-check.service";
  for (const unit of ["stiefel-attach.service", "cryptsetup.target", "initrd-root-device.target"]) {
    assert.ok(readList(check, "After").includes(unit), unit);
  }
  for (const unit of ["dracut-pre-mount.service", "systemd-fsck-root.service", "sysroot.mount"]) {
    assert.ok(readList(check, "Before").includes(unit), unit);
  }
  for (const key of ["Requires", "After"]) assert.deepEqual(readList("root.conf", key), [check]);
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
