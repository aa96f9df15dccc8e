import assert from "node:assert/strict";
import { basePackages, netbootPackages, partialPackages } from "./base_packages.ts";

Deno.test("only packages of the base are taken in part", () => {
  for (const name of Object.keys(partialPackages)) {
    assert.ok([...basePackages, ...netbootPackages].includes(name), name);
  }
});
