import assert from "node:assert/strict";
import { withoutRemains } from "./host_facts.ts";

Deno.test("L7: what Debian's dracut has left of initramfs-tools is no generator", () => {
  const both = ["initramfs-tools", "dracut"] as const;
  // Debian 13: dracut 106 brings no update-initramfs; since 107 it does.
  assert.deepEqual(withoutRemains(both, undefined), ["dracut"]);
  assert.deepEqual(withoutRemains(both, "#!/bin/sh\nexec dracut --force\n"), ["dracut"]);
  // dracut-core beside initramfs-tools.
  assert.deepEqual(withoutRemains(both, "#!/bin/sh\nmkinitramfs -o x\n"), both);
  assert.deepEqual(withoutRemains(["initramfs-tools"], undefined), ["initramfs-tools"]);
  assert.deepEqual(withoutRemains(["dracut", "mkinitcpio"], undefined), ["dracut", "mkinitcpio"]);
});
