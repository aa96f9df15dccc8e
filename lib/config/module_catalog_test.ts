import assert from "node:assert/strict";
import { findModule, formerModules, MODULE_CATALOG } from "./module_catalog.ts";

Deno.test("every module of the original is known", () => {
  for (
    const name of [
      "debug",
      "base",
      "system-debian",
      "system-arch",
      "system-arch-dracut",
      "system-gentoo",
      "r8152",
      "clevo-fancontrol",
    ]
  ) {
    assert.equal(findModule(name)?.name, name);
  }
  assert.deepEqual([...formerModules.keys()], ["nbd", "lvm"]);
});

Deno.test("names are unique, and not those of properties of every object", () => {
  assert.equal(new Set(MODULE_CATALOG.map(({ name }) => name)).size, MODULE_CATALOG.length);
  assert.equal(findModule("constructor"), undefined);
});
