import assert from "node:assert/strict";
import { loadConfig } from "../config/load_config.ts";
import { type ConfigChoices, formatConfigYaml } from "./config_yaml.ts";

Deno.test("what init writes is a configuration without warnings, whatever the names", async () => {
  const base: ConfigChoices = {
    architecture: "amd64",
    modules: ["system-debian", "i915"],
    disk: '/dev/disk/by-id/odd"name\\#1',
    bootPartition: { type: "luks", block: "/dev/disk/by-uuid/1", luksBlock: "/dev/disk/by-uuid/2" },
    listens: false,
    onEnd: "poweroff",
    systemName: "Evil\nname: \u{1f600}",
  };
  const { config, warnings } = await loadConfig(formatConfigYaml(base), "config.yaml");
  assert.deepEqual(warnings, []);
  assert.equal(config.boot.disk, base.disk);
  assert.deepEqual(config.boot.part, base.bootPartition);
  assert.equal(config.autokexec.broadcast, false);
  assert.equal(config.server.onEnd, "poweroff");
  assert.ok(config.modules.has("i915"));
  assert.equal(config.image.architecture, "amd64");
  const arm = await loadConfig(formatConfigYaml({ ...base, architecture: "arm64" }), "config.yaml");
  assert.deepEqual([arm.warnings, arm.config.image.architecture], [[], "arm64"]);
  const bare = formatConfigYaml({ ...base, disk: undefined, bootPartition: undefined, modules: [] });
  assert.deepEqual((await loadConfig(bare, "config.yaml")).warnings, []);
});
