/** Commands in messages repeat where the user's files are: only in commands that take these options. */

import assert from "node:assert/strict";
import { placeOptions } from "../../lib/command_to_type.ts";
import { commandNames } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const env = {
  PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: Deno.env.get("HOME") ?? "/",
  DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
};

Deno.test("P9: the commands that take --config, --out-dir and --cache-dir are those of the table", async () => {
  for (const name of commandNames) {
    const { stdout } = await system.run([`${projectRoot}stiefelsystem`, name, "--help"], { env });
    for (const [option, commands] of Object.entries(placeOptions)) {
      const takes = new RegExp(`^ {2}${option} <`, "m").test(stdout);
      assert.equal(takes, commands.some((command) => command === name), `${name} ${option}`);
    }
  }
});

Deno.test("P8: a name that is no stage is refused at once: no key is made, no build is waited for", async () => {
  const directory = await Deno.makeTempDir({ prefix: "stiefel stages-" });
  try {
    await Deno.writeTextFile(`${directory}/c.yaml`, "modules: [base]\n");
    const { exitCode, stderr } = await system.run(
      [`${projectRoot}stiefelsystem`, "create-initrd", "--config", `${directory}/c.yaml`, "--only", "pck"],
      { env, acceptExitCodes: [2] },
    );
    assert.equal(exitCode, 2);
    assert.match(stderr, /^Error: There is no stage "pck"\n {2}Hint: "pack" perhaps$/m);
    assert.doesNotMatch(stderr, /Waiting|shared key|agents are/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
