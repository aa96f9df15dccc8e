import assert from "node:assert/strict";
import { findInstallation, installedPlaces } from "./installation.ts";

Deno.test("a checkout has everything beside main.ts; an installed program has nothing of the user's below /usr", () => {
  assert.deepEqual(findInstallation("/home/me/my project/main.ts"), {
    projectDir: "/home/me/my project",
    configDir: "/home/me/my project",
    stateDir: "/home/me/my project",
    launcher: "'/home/me/my project/stiefelsystem'",
  });
  assert.deepEqual(findInstallation(installedPlaces.program), {
    projectDir: "/usr/share/stiefelsystem",
    configDir: "/etc/stiefelsystem",
    stateDir: "/var/lib/stiefelsystem",
    launcher: "stiefelsystem",
  });
});
