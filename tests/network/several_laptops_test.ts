/** More than one laptop answers a desktop: who chooses, by what keys, and what is taken when nobody does. */
import assert from "node:assert/strict";
import { makeProgram, signProgram } from "../support/signed_kernel.ts";
import { createSite, startServer } from "./agents.ts";
import { startLaptop } from "./autokexec_rig.ts";
import { createRig, denoDirectory, type Machine, rigTest } from "./rig.ts";
import { clientWith, raiseDesktop, withTwoLaptops } from "./two_laptops.ts";

interface Typing {
  /** What has to be on the screen, after what was shown before. */
  readonly on: RegExp;
  readonly type: string;
}

/** Runs it on a terminal. @returns what it showed */
async function runOnTerminal(
  desktop: Machine,
  argv: readonly string[],
  steps: readonly Typing[],
): Promise<string> {
  // script(1) gives it a terminal and us what it shows
  const command = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = new Deno.Command("ip", {
    args: ["netns", "exec", desktop.namespace, "timeout", "120", "script", "--quiet", "--return", "--command", command]
      .concat("/dev/null"),
    env: { TERM: "xterm", DENO_DIR: denoDirectory() },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keyboard = child.stdin.getWriter();
  const left = [...steps];
  let shown = "";
  let seenTo = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    const match = left[0]?.on.exec(shown.slice(seenTo));
    if (left[0] === undefined || match === null || match === undefined) continue;
    seenTo += match.index + match[0].length;
    await keyboard.write(new TextEncoder().encode(left.shift()?.type));
  }
  await keyboard.close().catch(() => {});
  const { code } = await child.status;
  const text = shown.replaceAll("\r", "");
  assert.equal(code, 0, text);
  assert.deepEqual(left, [], text);
  return text;
}

rigTest(
  "a person chooses among two laptops: wrong numbers, words, arrows and Ctrl-C choose none",
  () =>
    withTwoLaptops(async (scene) => {
      const { desktop, first, second } = scene;
      const which = /Which one\? Its number: /;
      const shown = await runOnTerminal(desktop, await clientWith(scene, ""), [
        { on: which, type: "3\r" },
        { on: which, type: "\x1b[A\x1bOB\x1b[15~ye s\r" },
        { on: which, type: "\r" },
        { on: which, type: "\x03" },
        { on: which, type: "1\x7fsecond\r" },
      ]);
      assert.match(
        shown,
        /^2 laptops answer:\n +1 {2}\w+ +waits for a desktop \(link eth\d\)\n +2 {2}\w+ +waits for a/m,
      );
      assert.match(shown, /"3" is not in the list: type a number from 1 to 2/);
      assert.match(shown, /"ye s" is not in the list/);
      assert.match(shown, /"" is not in the list/);
      assert.match(shown, /Stopped while an answer was wanted/);
      assert.match(shown, /To have it taken by itself: setup-client-usbdrive --laptop second/);
      assert.match(shown, /^Found "second" on link eth1$/m);
      assert.match(shown, /^The laptop "second"$/m);
      assert.doesNotMatch(shown, /^The laptop "first"$/m);
      await second.waitForLine(/has all it needs/);
      assert.ok(!first.lines.some((line) => /Sending/.test(line)), first.lines.join("\n"));
      const given = first.lines.filter((line) => /The exchange with ".*" failed/.test(line));
      for (const line of given) assert.match(line, /Another laptop answers, too: the person at the desktop chooses/);
    }),
);

rigTest(
  "the stick's default is taken when no key is pressed, and Enter takes it at once",
  () =>
    withTwoLaptops(async (scene) => {
      const prompt = /Which one\? Its number \(Enter, or no key for 10 s: \d, second\): /;
      const startMs = performance.now();
      const alone = await runOnTerminal(scene.desktop, await clientWith(scene, "stiefel.laptop=second"), [
        { on: prompt, type: "" },
      ]);
      assert.ok(performance.now() - startMs > 10_000);
      assert.match(alone, /^Taking "second"$/m);
      assert.match(alone, /^Found "second" on link eth1$/m);
      await scene.second.waitForLine(/has all it needs/);
      assert.ok(!scene.first.lines.some((line) => /Sending/.test(line)));
      // the same desktop may start anew
      const asked = await runOnTerminal(scene.desktop, await clientWith(scene, "stiefel.laptop=first"), [
        { on: /Which one\? Its number \(Enter, or no key for 10 s: \d, first\): /, type: "\r" },
      ]);
      assert.match(asked, /^Found "first" on link eth0$/m);
      assert.doesNotMatch(asked, /--laptop|^Taking/m);
    }),
);

rigTest(
  "without a terminal the default is taken, and without a default one that waits, with a word on how to choose",
  () =>
    withTwoLaptops(async (scene) => {
      for (const name of ["first", "second"]) {
        await using client = scene.desktop.start(await clientWith(scene, `stiefel.laptop=${name}`));
        assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
        assert.ok(client.lines.some((line) => line.startsWith(`Found "${name}"`)), client.lines.join("\n"));
        assert.ok(client.lines.includes(`The laptop "${name}"`), client.lines.join("\n"));
      }
      // Both are lent to this desktop by now, and say that they are busy.
      await using client = scene.desktop.start(await clientWith(scene, ""));
      assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
      assert.match(
        client.lines.join("\n"),
        /^Taking "\w+"; the kernel parameter stiefel\.laptop=NAME chooses another one$/m,
      );
    }),
);

rigTest("a default that is not there does not keep the other laptop away", async () => {
  await using rig = await createRig([["first", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const desktop = rig.machine("desktop");
  await using first = startServer(rig.machine("first"), { site });
  await first.waitForLine(/Waiting for a desktop/);
  await using client = desktop.start(await clientWith({ desktop, site }, "stiefel.laptop=second"));
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.ok(client.lines.some((line) => line.startsWith('Found "first"')), client.lines.join("\n"));
});

rigTest("a laptop that runs its own system is chosen beside one that waits: it restarts, and is taken", async () => {
  await using rig = await createRig([["first", "eth0", "desktop", "eth0"], ["second", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig);
  const [desktop, laptop] = [rig.machine("desktop"), rig.machine("second")];
  await laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await using first = startServer(rig.machine("first"), { site });
  await first.waitForLine(/Waiting for a desktop/);
  const installed = await startLaptop(laptop, { keyPath: site.keyPath, countdownSeconds: 1 });
  await using agent = installed.agent;
  await agent.waitForLine(/^Waiting for a desktop/);
  await using client = desktop.start(await clientWith({ desktop, site }, "stiefel.laptop=second"));
  await client.waitForLine(/^ +\d {2}second +runs its own system: it would be asked to restart \(link eth1\)$/);
  await client.waitForLine(/^Taking "second"$/);
  await client.waitForLine(/^It agrees \(link eth1\)/);
  await installed.waitForLog(/^systemctl kexec$/);
  await agent[Symbol.asyncDispose]();
  await using server = startServer(laptop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  assert.match(client.lines.join("\n"), /^The laptop "second"$/m);
  assert.ok(!first.lines.some((line) => /Sending/.test(line)), first.lines.join("\n"));
});

rigTest("a laptop that this desktop cannot start is chosen, and another one after it", async () => {
  await using rig = await createRig([["first", "eth0", "desktop", "eth0"], ["second", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig, { kernel: signProgram(makeProgram(1_000_000), ["Debian Secure Boot CA"]) });
  const foreign = { ...site, bootPath: `${rig.directory}/foreign` };
  await Deno.mkdir(foreign.bootPath);
  for (const name of ["microcode.img", "initrd.img", "stiefelsystem.json"]) {
    await Deno.copyFile(`${site.bootPath}/${name}`, `${foreign.bootPath}/${name}`);
  }
  await Deno.writeFile(`${foreign.bootPath}/vmlinuz`, signProgram(makeProgram(1_000_000), ["Fedora Secure Boot CA"]));
  await using first = startServer(rig.machine("first"), { site: foreign });
  await using second = startServer(rig.machine("second"), { site });
  const desktop = await raiseDesktop(rig, [first, second]);
  const argv = await clientWith({ desktop, site }, "", {
    grep: "echo '/proc/keys:0a I--- 1 perm 1f010000 0 0 asymmetri Debian Secure Boot CA: 6cce: X509.rsa 9ea1 []'\n" +
      "echo '/sys/kernel/security/lockdown:none [integrity] confidentiality'",
  });
  const which = /Which one\? Its number: /;
  const shown = await runOnTerminal(desktop, argv, [{ on: which, type: "first\r" }, { on: which, type: "second\r" }]);
  assert.match(shown, /^This desktop cannot start the laptop's kernel, which is signed by "Fedora Secure Boot CA"/m);
  assert.match(shown, /^ {2}its kernel {4}signed by "Debian Secure Boot CA", trusted here$/m);
  await second.waitForLine(/has all it needs/);
  assert.ok(!first.lines.some((line) => /Sending/.test(line)), first.lines.join("\n"));
});
