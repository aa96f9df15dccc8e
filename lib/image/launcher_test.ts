import assert from "node:assert/strict";
import { agentGrants, formatGrants } from "../grants.ts";
import { formatLauncher, formatStarter, withScript } from "./launcher.ts";

Deno.test("bundled agents run with the grants that compiled ones have built in, and read their script", () => {
  const script = formatLauncher("bundle", agentGrants);
  for (const role of ["server", "client"] as const) {
    const { read, ...others } = withScript(role, agentGrants[role]);
    assert.deepEqual({ ...others, read: read.slice(0, -1) }, agentGrants[role]);
    const start = script.indexOf(`${role})\n`);
    const flags = script.slice(start, script.indexOf(";;", start));
    for (const flag of formatGrants(withScript(role, agentGrants[role]))) {
      assert.ok(flags.includes(` ${flag} `), `${role}: ${flag}`);
    }
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

Deno.test("the starter runs a script as the module it is: strict, waiting, with its arguments and its name", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const script = `${directory}/some-agent.js`;
    const starter = `${directory}/start.js`;
    const lines = [
      "const isStrict = (function () { return this === undefined; })();",
      "const word = await Promise.resolve(Deno.args.join());",
      "console.log(isStrict, word, new Error().stack.includes('some-agent.js'));",
      "Deno.exit(7);",
    ];
    await Deno.writeTextFile(script, lines.join("\n"));
    await Deno.writeTextFile(starter, formatStarter(script));
    const args = ["run", "--quiet", "--no-prompt", `--allow-read=${script}`, starter, "one", "two"];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.equal(new TextDecoder().decode(stdout), "true one,two true\n", new TextDecoder().decode(stderr));
    assert.equal(code, 7);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
