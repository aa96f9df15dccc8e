import assert from "node:assert/strict";
import { basePackages, partialPackages } from "./base_packages.ts";

Deno.test("only packages of the base are taken in part", () => {
  for (const name of Object.keys(partialPackages)) assert.ok(basePackages.includes(name), name);
});
