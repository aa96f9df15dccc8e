/** A desktop's own Linux and a laptop that serves: the real agents, until the desktop would shut down. */
import assert from "node:assert/strict";
import { addLaptopKey, createSite, startClientFromLinux, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";
import { layStandIns, type StandIns } from "./stand_ins.ts";

/** What would end this machine, and what is not there in a container. */
const standIns: Readonly<Record<string, string>> = {
  cat: `case $1 in
/sys/kernel/kexec_loaded) if [ -e "$D/loaded" ]; then echo 1; else echo 0; fi ;;
/proc/sys/kernel/kexec_load_disabled) echo 0 ;;
/sys/kernel/security/lockdown) exit 1 ;;
*) exec /usr/bin/cat "$@" ;;
esac`,
  kexec: `echo "kexec $*" >> "$D/log"
case $1 in
--load) touch "$D/loaded" ;;
--unload) rm -f "$D/loaded" ;;
esac`,
  busctl: `if [ -e "$D/blocked" ] && [ -e "$D/loaded" ]; then
    echo '{"type":"a(ssssuu)","data":[[["shutdown","apt","Packages are installed","block",0,1]]]}'
else echo '{"type":"a(ssssuu)","data":[[]]}'; fi`,
  systemctl: `if [ "$1" != is-system-running ]; then echo "systemctl $*" >> "$D/log"
elif grep -q "systemctl kexec" "$D/log"; then echo stopping; else echo running; fi`,
  // A network manager of the desktop keeps its cards.
  ip: `case $* in *batch*|*" set "*) echo "ip $*" >> "$D/log" ;; esac; exec /usr/sbin/ip "$@"`,
};

const usual = ["kexec --version", "kexec --load", "systemctl kexec"];
const programsOf = (log: readonly string[]): readonly string[] =>
  log.map((line) => line.split(" ").slice(0, 2).join(" "));

interface Scene extends AsyncDisposable {
  readonly desktop: Machine;
  readonly server: RunningAgent;
  readonly laid: StandIns;
  startClient(options: { readonly isAgreed: boolean }): RunningAgent;
}

/**
 * A laptop that serves, and a desktop whose card is up, as its network manager keeps it.
 * @param keyName the laptop has a key of its own, which the desktop has by this name
 */
async function createScene({ keyName }: { readonly keyName?: string } = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig([["laptop", "eth0", "desktop", "eth0"]]));
  const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
  const desktop = rig.machine("desktop");
  await desktop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  if (keyName !== undefined) await addLaptopKey(site, keyName, site.otherKeyPath);
  const keyPath = keyName === undefined ? site.keyPath : site.otherKeyPath;
  const server = stack.use(startServer(rig.machine("laptop"), { site, keyPath }));
  const laid = await layStandIns(desktop.directory, standIns);
  const owned = stack.move();
  return {
    ...{ desktop, server, laid },
    startClient: ({ isAgreed }) => startClientFromLinux(desktop, { site, isAgreed, wrap: laid.wrap }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

rigTest(
  "a desktop's own Linux loads the laptop's kernel, shuts down, and takes nothing back while it does",
  async () => {
    await using scene = await createScene();
    const { laid } = scene;
    await using client = scene.startClient({ isAgreed: true });
    await client.waitForLine(/^Shutting this computer down/, { timeoutMs: 60_000 });
    await laid.waitForLog(/^systemctl kexec$/);
    await client[Symbol.asyncDispose](); // as the shutdown does: SIGTERM
    assert.deepEqual(await client.exited, { exitCode: 0, signal: undefined });
    const log = await laid.readLog();
    assert.deepEqual(programsOf(log), usual, log.join("\n"));
    assert.match(log[1] ?? "", /--command-line=root=UUID=1234 .*stiefel/);
  },
);

rigTest("without a terminal or a yes nothing is loaded, and the laptop's disk is free again", async () => {
  await using scene = await createScene();
  const { server, laid } = scene;
  await using client = scene.startClient({ isAgreed: false });
  await client.waitForLine(/^There is no terminal to ask on/, { timeoutMs: 60_000 });
  assert.equal((await client.exited).exitCode, 1);
  assert.deepEqual(programsOf(await laid.readLog()), ["kexec --version"]);
  const before = server.lines.length;
  await using again = scene.startClient({ isAgreed: true });
  await again.waitForLine(/^Shutting this computer down/, { timeoutMs: 60_000 });
  assert.ok(!server.lines.slice(before).some((line) => /in use|busy/.test(line)), server.lines.join("\n"));
});

rigTest("a desktop's own Linux with the keys of several laptops starts from the one that answers", async () => {
  await using scene = await createScene({ keyName: "bell" });
  await using client = scene.startClient({ isAgreed: true });
  await client.waitForLine(/^Found "laptop" on link eth0, key bell$/, { timeoutMs: 60_000 });
  await client.waitForLine(/^Shutting this computer down/, { timeoutMs: 60_000 });
  assert.deepEqual(programsOf(await scene.laid.readLog()).slice(0, 2), usual.slice(0, 2));
});

rigTest("a program that blocks shutdowns keeps the desktop as it is, with nothing loaded", async () => {
  await using scene = await createScene();
  const { desktop, laid } = scene;
  await Deno.writeTextFile(`${desktop.directory}/blocked`, "");
  await using client = scene.startClient({ isAgreed: true });
  await client.waitForLine(/"apt" blocks a shutdown now: Packages are installed/, { timeoutMs: 60_000 });
  assert.equal((await client.exited).exitCode, 1);
  assert.deepEqual(programsOf(await laid.readLog()), ["kexec --version", "kexec --load", "kexec --unload"]);
});
