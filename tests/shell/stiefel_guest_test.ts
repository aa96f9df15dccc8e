/** stiefel-guest, which warns a guest, with a made-up laptop; consoles are files here, and it looks every second. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(
  new URL("../../image/host/generic/usr/lib/stiefelsystem/stiefel-guest", import.meta.url),
);

interface Watched {
  /** All that was printed to a console so far. */
  readonly console: () => string;
  readonly walls: () => string;
  /** How often the laptop was asked. */
  readonly asked: () => number;
}

/** @param levels what the laptop says, one after the other; the last one again and again */
async function watch(
  shell: readonly string[],
  levels: readonly string[],
  until: (watched: Watched) => boolean,
): Promise<Watched> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-guest-" });
  let count = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const level = levels[Math.min(count, levels.length - 1)];
    count++;
    return new Response(`store ${level}\n`);
  });
  const read = (name: string): string => Deno.readTextFileSync(`${directory}/${name}`);
  const watched: Watched = { console: () => read("console"), walls: () => read("walls"), asked: () => count };
  try {
    await Deno.mkdir(`${directory}/guest`);
    await Deno.writeTextFile(`${directory}/session.state`, "STIEFEL_ROLE=desktop\nSTIEFEL_STATUS_ADDRESS=127.0.0.1\n");
    for (const name of ["console", "walls"]) await Deno.writeTextFile(`${directory}/${name}`, "");
    const text = (await Deno.readTextFile(script))
      .replace("look_seconds=5", "look_seconds=1")
      .replace("port=4645", `port=${server.addr.port}`)
      .replaceAll("/dev/kmsg", "/nowhere")
      .replaceAll("/dev/console", `${directory}/console`)
      .replace(`>${directory}/console`, `>>${directory}/console`);
    await Deno.writeTextFile(`${directory}/stiefel-guest`, text);
    await Deno.writeTextFile(`${directory}/wall`, `#!/bin/sh\nprintf '%s\\n' "$1" >>${directory}/walls\n`, {
      mode: 0o755,
    });
    const [program = "", ...args] = shell;
    const child = new Deno.Command(program, {
      args: [...args, `${directory}/stiefel-guest`, `${directory}/guest`],
      env: { PATH: `${directory}:/usr/bin:/bin` },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const untilMs = Date.now() + 60_000;
    while (!until(watched)) {
      assert.ok(Date.now() < untilMs, `it has not come to that: ${watched.console()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    child.kill("SIGKILL");
    await child.status;
    const [console, walls] = [watched.console(), watched.walls()];
    return { console: () => console, walls: () => walls, asked: watched.asked };
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  Deno.test(`a guest is warned at 70 and at 90 %, once each, and learns in the end what happened${under}`, async () => {
    const seen = await watch(
      shell,
      ["12", "69", "71", "75", "93", "95", "full"],
      ({ console }) => /To try again/.test(console()),
    );
    const warnings = seen.console().match(/ROOM FOR CHANGES IS .*/g)?.map((line) => line.trim());
    assert.deepEqual(warnings, [
      "ROOM FOR CHANGES IS 71 % USED",
      "ROOM FOR CHANGES IS 93 % USED",
      "ROOM FOR CHANGES IS USED UP",
    ]);
    assert.match(seen.console(), /Nothing is lost on the laptop/);
    assert.equal(seen.walls().split("\n").length - 1, 2);
  });

  Deno.test(`a guest with room hears nothing, also from a laptop that says something else${under}`, async () => {
    const seen = await watch(shell, ["0", "none", "-1", "100000", "$(reboot)", "50"], ({ asked }) => asked() > 6);
    assert.deepEqual([seen.console(), seen.walls()], ["", ""]);
  });
}
