import assert from "node:assert/strict";
import { agentGrants, formatGrants } from "../grants.ts";
import { formatLauncher } from "./launcher.ts";

Deno.test("bundled agents run with the very grants that compiled ones have built in", () => {
  const script = formatLauncher("bundle", agentGrants);
  for (const role of ["server", "client"] as const) {
    const start = script.indexOf(`${role})\n`);
    const flags = script.slice(start, script.indexOf(";;", start));
    for (const flag of formatGrants(agentGrants[role])) assert.ok(flags.includes(` ${flag} `), `${role}: ${flag}`);
  }
});

Deno.test("no agent may start a shell or Deno, or has a blanket grant but the network's", () => {
  for (const grants of Object.values(agentGrants)) {
    for (const program of ["sh", "bash", "dash", "busybox", "deno", "env", "xargs"]) {
      assert.ok(!grants.run.includes(program), program);
    }
    const flags = formatGrants(grants);
    assert.ok(!flags.some((flag) => /^-A$|^--allow-all$|^--allow-(run|read|write|env|sys|ffi|import)=?$/.test(flag)));
    assert.ok(flags.includes("--no-prompt"));
  }
});

Deno.test("a compiled agent's launcher holds no grants", () => {
  assert.ok(!formatLauncher("compile", agentGrants).includes("--allow-"));
});
