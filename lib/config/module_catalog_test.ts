import assert from "node:assert/strict";
import { findModule, MODULE_CATALOG } from "./module_catalog.ts";

Deno.test("every module of the original is known", () => {
  for (
    const name of [
      "debug",
      "base",
      "nbd",
      "system-debian",
      "system-arch",
      "system-arch-dracut",
      "system-gentoo",
      "lvm",
      "r8152",
      "clevo-fancontrol",
    ]
  ) {
    assert.equal(findModule(name)?.name, name);
  }
});

Deno.test("names are unique, and not those of properties of every object", () => {
  assert.equal(new Set(MODULE_CATALOG.map(({ name }) => name)).size, MODULE_CATALOG.length);
  assert.equal(findModule("constructor"), undefined);
});
