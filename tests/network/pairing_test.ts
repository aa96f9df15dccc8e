/** A desktop whose image has no key, over cables. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatAgentSettings } from "../../lib/formats/agent_settings.ts";
import { agentGrants, formatGrants } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createSite, startServer } from "./agents.ts";
import { createRig, denoDirectory, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";

const system = createRealSystem();

/** The MAC address of a machine's link. */
async function macOf(machine: Machine, link: string): Promise<string> {
  const [facts] = JSON.parse(await machine.run(["ip", "-json", "link", "show", "dev", link]));
  return facts.address;
}

interface Typist extends AsyncDisposable {
  readonly lines: readonly string[];
  waitForLine(pattern: RegExp): Promise<void>;
  /** Types it when the next question is there. */
  answer(text: string): Promise<void>;
  /** @throws when it does not end in time */
  exited(): Promise<number | undefined>;
}

async function waitUntil(isSo: () => Promise<boolean>, otherwise: () => string): Promise<void> {
  const endMs = system.monotonicMs() + 30_000;
  while (!await isSo()) {
    if (system.monotonicMs() > endMs) throw new Error(otherwise());
    await system.delay(50);
  }
}

/** The client as in an image without a key, on a terminal of its own. */
function startWithoutKey(machine: Machine): Typist {
  const agent = fileURLToPath(new URL("../../agents/client/main.ts", import.meta.url));
  const grants = { ...agentGrants.client, write: [machine.directory] };
  const read = [...agentGrants.client.read, machine.directory];
  const argv = ["deno", "run", "--quiet", ...formatGrants({ ...grants, read })].slice(1);
  const command = [Deno.execPath(), ...argv, agent, "--no-kexec", "--work-dir", `${machine.directory}/run`];
  const keys = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = keys.writable.getWriter();
  const lines: string[] = [];
  const logPath = `${machine.directory}/terminal`;
  let answered = 0;
  const quoted = command.map((word) => `'${word}'`).join(" ");
  // script(1): a terminal, on which what we send is typed
  const child = system.spawn(
    ["ip", "netns", "exec", machine.namespace, "script", "--quiet", "--flush", "--return", "-c", quoted, logPath],
    {
      env: { DENO_DIR: denoDirectory(), TERM: "dumb" },
      input: keys.readable,
      onLine: (line) => void lines.push(line.replaceAll("\r", "")),
    },
  );
  return {
    lines,
    waitForLine: (pattern) =>
      waitUntil(
        () => Promise.resolve(lines.some((line) => pattern.test(line))),
        () => `Did not print ${pattern}:\n${lines.join("\n")}`,
      ),
    answer: async (text) => {
      answered += 1;
      await waitUntil(
        async () => (await Deno.readTextFile(logPath)).split("Code: ").length > answered,
        () => "No question came",
      );
      await writer.write(new TextEncoder().encode(`${text}\r`));
    },
    exited: async () => {
      let exitCode: number | undefined;
      let isOver = false;
      void child.exited.then((status) => [exitCode, isOver] = [status.exitCode, true]);
      await waitUntil(() => Promise.resolve(isOver), () => `It goes on:\n${lines.join("\n")}`);
      return exitCode;
    },
    [Symbol.asyncDispose]: async () => {
      await child[Symbol.asyncDispose]();
    },
  };
}

/** A laptop that gives its key on this link of it. */
async function startPairingServer(rig: Rig, link: string): Promise<RunningAgent> {
  const machine = rig.machine("laptop");
  const site = await createSite(rig);
  const settingsPath = `${machine.directory}/pairing.json`;
  const netboot = { macs: [await macOf(machine, link)] };
  const settings = { version: 1, boot: {}, onEnd: "wait", name: "laptop", security: "none", netboot } as const;
  await Deno.writeTextFile(settingsPath, formatAgentSettings(settings));
  const server = startServer(machine, { site, args: ["--settings", settingsPath] });
  await server.waitForLine(/Waiting for a desktop/);
  return server;
}

async function codeOf(server: RunningAgent, from = 0): Promise<string> {
  const line = await server.waitForLine(/The code for a desktop/, { from });
  return /[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(line)?.[0] ?? "";
}

rigTest("a desktop without a key gets it for the code, typed in small letters, and fetches", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  await using server = await startPairingServer(rig, "eth0");
  await using client = startWithoutKey(rig.machine("desktop"));
  await client.waitForLine(/The laptop "laptop" shows a code.*3 tries/);
  const code = await codeOf(server);
  await client.answer(code.toLowerCase().replaceAll("-", " "));
  await client.waitForLine(/has given its key to this desktop/);
  assert.equal(await client.exited(), 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  const path = `${rig.machine("desktop").directory}/run/paired-key`;
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(await Deno.readFile(path), await Deno.readFile(`${rig.directory}/aes-key`));
  // The code was for that desktop: the next one gets another.
  await Deno.remove(path);
  const from = server.lines.length;
  await using second = startWithoutKey(rig.machine("desktop"));
  await second.waitForLine(/shows a code/);
  assert.notEqual(await codeOf(server, from), code);
});

rigTest("a wrong code three times ends it, until a person at the laptop wants another", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  await using server = await startPairingServer(rig, "eth0");
  await using client = startWithoutKey(rig.machine("desktop"));
  for (const tries of ["3 tries", "2 tries", "one try"]) {
    await client.waitForLine(new RegExp(`shows a code.*\\(${tries}\\)`));
    await client.answer("0000-0000-0000");
  }
  await server.waitForLine(/A wrong code was typed 3 times: no code is taken any more/);
  await client.waitForLine(/takes no code any more/);
  const code = await codeOf(server);
  assert.equal(server.lines.filter((line) => line.includes(code)).length, 1, "one code, shown once");
  assert.ok(!server.lines.some((line) => /has the shared key/.test(line)));
});

rigTest("a laptop gives its key on the links that were chosen, and on no other", async () => {
  await using rig = await createRig([["laptop", "eth0", "other", "eth0"], ["laptop", "eth1", "desktop", "eth0"]]);
  await using server = await startPairingServer(rig, "eth0");
  await using client = startWithoutKey(rig.machine("desktop"));
  await server.waitForLine(/A desktop asks with another key \(link eth1\)/);
  const address = await rig.machine("laptop").linkLocalAddress("eth1");
  const probe = `exec 3<>/dev/tcp/${address}%eth0/4646`;
  await assert.rejects(rig.machine("desktop").run(["bash", "-c", probe]), /refused/);
  assert.ok(!client.lines.some((line) => /The laptop/.test(line)));
  assert.ok(!server.lines.some((line) => /The code for a desktop/.test(line)));
});
