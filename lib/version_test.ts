import assert from "node:assert/strict";
import { projectRoot } from "../tests/support/source_tree.ts";
import { version, versionDate } from "./version.ts";

Deno.test("the newest version of CHANGELOG.md is this one, unreleased or of its day", async () => {
  const [, newest, state] = /^## (\S+) \((.*)\)$/m.exec(await Deno.readTextFile(`${projectRoot}CHANGELOG.md`)) ?? [];
  assert.equal(newest, version);
  assert.match(state ?? "", new RegExp(`^(unreleased|${versionDate})$`));
});
