import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { formatInstallSteps, installedLayouts } from "./installed_disk.ts";

Deno.test("each step is shell; only the disk that is named is written to", async () => {
  const system = createRealSystem();
  for (const layout of Object.values(installedLayouts)) {
    const steps = formatInstallSteps(layout, "/dev/vdb");
    for (const step of Object.values(steps)) await system.run(["sh", "-n"], { stdin: step });
    const disks = Object.values(steps).flatMap((step) => step.match(/\/dev\/[a-z]d[a-z]\w*/g) ?? []);
    assert.deepEqual(disks, ["/dev/vdb", "/dev/vdb"]);
  }
});

Deno.test("fstab keeps its lines", () => {
  const { configure } = formatInstallSteps(installedLayouts["lvm-btrfs"], "/dev/vdb");
  const lines = installedLayouts["lvm-btrfs"].fstab;
  assert.equal(lines.length, 2);
  assert.ok(configure.includes(`printf '%s\\n' '${lines[0]}' '${lines[1]}' >/mnt/etc/fstab`));
});
