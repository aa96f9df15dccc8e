/**
 * The script that keeps the agent running, with a made-up agent, kernel command line and clock of seconds as it is.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { agentGrants } from "../../lib/grants.ts";
import { formatLauncher } from "../../lib/image/launcher.ts";
import { runProgram, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/supervise-agent", import.meta.url));

/**
 * Runs the script until it has printed `lines` lines, then ends it.
 * @param agent text of the made-up agent, which gets the role as its argument
 */
async function supervise(
  shell: readonly string[],
  { commandLine, agent, lines, isComplete = true, shadow = "root:!:20089::::::" }: {
    readonly commandLine: string;
    readonly agent: string;
    readonly lines: number;
    readonly isComplete?: boolean;
    /** The first line of the file with passwords. */
    readonly shadow?: string;
  },
): Promise<readonly string[]> {
  const root = await Deno.makeTempDir({ prefix: "supervise-" });
  try {
    await Deno.writeTextFile(`${root}/cmdline`, `${commandLine}\n`);
    await Deno.writeTextFile(`${root}/run-agent`, `#!/bin/sh\n${agent}\n`, { mode: 0o755 });
    await Deno.writeTextFile(`${root}/shadow`, `${shadow}\n`);
    await Deno.writeTextFile(`${root}/busybox`, '#!/bin/sh\necho "busybox $*"\nexec sleep 60\n', { mode: 0o755 });
    if (isComplete) await Deno.writeTextFile(`${root}/complete`, "");
    const text = (await Deno.readTextFile(script)).replaceAll("/proc/cmdline", `${root}/cmdline`)
      // The real one would change how much the kernel of this machine prints.
      .replaceAll("/proc/sys/kernel/printk", `${root}/printk`)
      .replaceAll("/etc/shadow", `${root}/shadow`)
      .replaceAll("/usr/lib/stiefelsystem/run-agent", `${root}/run-agent`)
      .replaceAll("/usr/lib/stiefelsystem/complete", `${root}/complete`)
      .replaceAll("/usr/bin/busybox", `${root}/busybox`)
      .replace("PATH=/usr/sbin:/usr/bin", `PATH=${root}:/usr/sbin:/usr/bin:/bin`);
    await Deno.writeTextFile(`${root}/script`, text);
    const [program = "", ...args] = shell;
    const child = new Deno.Command(program, { args: [...args, `${root}/script`], stdin: "piped", stdout: "piped" })
      .spawn();
    const found: string[] = [];
    let rest = "";
    const decoder = new TextDecoder();
    for await (const piece of child.stdout) {
      rest += decoder.decode(piece, { stream: true });
      found.push(...rest.split("\n").slice(0, -1));
      rest = rest.slice(rest.lastIndexOf("\n") + 1);
      if (found.length >= lines) break;
    }
    child.kill("SIGKILL");
    await child.stdin.close();
    await child.status;
    return found.map((line) => line.replace(/uptime=[0-9.]+/, "uptime=U"));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

for (const shell of SHELLS) {
  const name = shell.join(" ");

  Deno.test(`${name}: a rescue shell asks for root's password, and is refused where root has none`, async () => {
    const commandLine = "stiefel.role=client stiefel.rescue";
    const start = (shadow: string): Promise<readonly string[]> =>
      supervise(shell, { commandLine, agent: "echo agent", lines: 2, shadow });
    assert.deepEqual(await start("root:$6$salt$hash:20089::::::"), [
      "stiefelsystem: no agent is started; log in as root, press Ctrl-Alt-Del to restart the machine",
      "busybox getty 0 - linux",
    ]);
    assert.deepEqual(await start("root:!:20089::::::"), [
      "stiefelsystem: this image has no rescue shell: it was built without the module debug",
      "stiefelsystem: nothing is started; press Ctrl-Alt-Del to restart the machine",
    ]);
  });

  Deno.test(`${name}: an agent that ends is started again, later each time, and the log says why it ended`, async () => {
    const agent = `
      count=$(cat "$0.count" 2>/dev/null || echo 0); echo $((count + 1)) > "$0.count"
      echo "agent for $1"
      case $count in 0) exit 3 ;; 1) kill -KILL $$ ;; *) exit 0 ;; esac`;
    const found = await supervise(shell, {
      commandLine: "console=ttyS0 stiefel.role=client quiet",
      agent,
      lines: 9,
    });
    assert.deepEqual(found.slice(0, 9), [
      "stiefelsystem: agent starting role=client uptime=U",
      "agent for client",
      "stiefelsystem: the client agent stopped with an error (status 3); it starts again in 1 s (press a key: now)",
      "stiefelsystem: agent starting role=client uptime=U",
      "agent for client",
      "stiefelsystem: the client agent was ended by signal 9; it starts again in 2 s (press a key: now)",
      "stiefelsystem: agent starting role=client uptime=U",
      "agent for client",
      "stiefelsystem: the client agent is done; it starts again in 4 s (press a key: now)",
    ]);
  });

  Deno.test(`${name}: without a role nothing runs, and the console says what is missing`, async () => {
    const found = await supervise(shell, { commandLine: "quiet stiefel.role=other", agent: "echo ran", lines: 2 });
    assert.deepEqual(found, [
      "stiefelsystem: the kernel command line has no stiefel.role=server or stiefel.role=client",
      "stiefelsystem: nothing is started; press Ctrl-Alt-Del to restart the machine",
    ]);
  });

  Deno.test(`${name}: an image that was not unpacked to its end is not started`, async () => {
    const found = await supervise(shell, {
      commandLine: "stiefel.role=client",
      agent: "echo ran",
      lines: 2,
      isComplete: false,
    });
    assert.match(found[0] ?? "", /^stiefelsystem: this machine has too little memory to unpack the image \(\d+ MiB\)$/);
    assert.equal(found[1], "stiefelsystem: nothing is started; press Ctrl-Alt-Del to restart the machine");
  });
}

for (const form of ["bundle", "compile"] as const) {
  Deno.test(`shellcheck finds nothing in the launcher of agents (${form})`, async () => {
    const path = await Deno.makeTempFile({ suffix: ".sh" });
    try {
      await Deno.writeTextFile(path, formatLauncher(form, agentGrants));
      const { code, stdout } = await runProgram(["shellcheck", "--shell=sh", path]);
      assert.equal(code, 0, stdout);
    } finally {
      await Deno.remove(path);
    }
  });
}
