import assert from "node:assert/strict";
import { commandToType, describeOutcome } from "./outcome.ts";

Deno.test("P9: the end of a command names what it made, where, how large, and the next command", () => {
  const lines = describeOutcome({
    made: [
      { what: "kernel", path: "/home/me/build/kernel", sizeBytes: 12_345_678 },
      { what: "image", path: "/home/me/build/initrd", sizeBytes: 64_000_000 },
      { what: "folder", path: "/home/me/build" },
    ],
    next: [
      { command: commandToType("setup-server", { asRoot: true }), why: "installs them on this laptop" },
      { command: commandToType("doctor") },
    ],
  });
  assert.deepEqual(lines, [
    "Kernel  /home/me/build/kernel (12.3 MB)",
    "Image   /home/me/build/initrd (64.0 MB)",
    "Folder  /home/me/build",
    "Next: sudo ./stiefelsystem setup-server",
    "      installs them on this laptop",
    "      ./stiefelsystem doctor",
  ]);
  assert.deepEqual(describeOutcome({ made: [], next: [] }), []);
  assert.equal(commandToType("undo-setup", { arguments: "--root /mnt" }), "./stiefelsystem undo-setup --root /mnt");
});
