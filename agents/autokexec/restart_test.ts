import assert from "node:assert/strict";
import type { AutokexecSettings } from "../../lib/protocol/autokexec_settings.ts";
import { createMemorySystem, type MemorySystem } from "../../lib/system/memory.ts";
import { findObstacle, isGoingOn, loadImage, restartIntoImage } from "./restart.ts";

const settings: AutokexecSettings = {
  version: 1,
  listens: true,
  macs: [],
  kernel: "/x/kernel",
  initrd: "/x/initrd",
  commandLine: "stiefel.role=server",
  countdownSeconds: 10,
};

interface Facts {
  /** Content of /sys/kernel/kexec_loaded once loaded; undefined: no such file. */
  readonly loaded?: string | undefined;
  readonly disabled?: string;
  readonly lockdown?: string;
  readonly kexecExit?: number;
  readonly hasFiles?: boolean;
  readonly availableKiB?: number;
  /** What and mode of a lock. */
  readonly inhibitor?: readonly [what: string, mode: string];
}

function laptop(facts: Facts): MemorySystem {
  const { loaded = "1", disabled = "0", kexecExit = 0, hasFiles = true, availableKiB = 4_000_000 } = facts;
  const files: Readonly<Record<string, string | undefined>> = {
    "/sys/kernel/kexec_loaded": "loaded" in facts && facts.loaded === undefined ? undefined : loaded,
    "/proc/sys/kernel/kexec_load_disabled": disabled,
    "/sys/kernel/security/lockdown": facts.lockdown,
    "/proc/meminfo": `MemAvailable:   ${availableKiB} kB`,
  };
  return createMemorySystem({
    commands: [
      ([program, path = ""]) => program === "cat" ? files[path] === undefined ? 1 : `${files[path]}\n` : undefined,
      ([program]) => program === "busctl" ? formatInhibitors(facts.inhibitor) : undefined,
      ([program]) => program === "stat" ? hasFiles ? "12000000\n70000000\n" : 1 : undefined,
      ([program]) => program === "kexec" ? kexecExit : program === "systemctl" ? 0 : undefined,
    ],
  });
}

/** As busctl of systemd 257 prints it; without logind it fails. */
function formatInhibitors(inhibitor: Facts["inhibitor"]): string | number {
  if (inhibitor === undefined) return 1;
  const [what, mode] = inhibitor;
  const others = ["sleep", "NetworkManager", "NetworkManager needs to turn off networks", "delay", 0, 700];
  return JSON.stringify({ type: "a(ssssuu)", data: [[others, [what, "PackageKit", "Package Update", mode, 0, 812]]] });
}

const ranKexec = (system: MemorySystem): boolean => system.ran.some(([program]) => program === "kexec");

Deno.test("the image is loaded with the command line of the settings", async () => {
  const system = laptop({});
  await loadImage(system, settings);
  assert.deepEqual(system.ran.find(([program]) => program === "kexec"), [
    "kexec",
    "--load",
    "--kexec-syscall",
    "--no-checks",
    "--initrd=/x/initrd",
    "--command-line=stiefel.role=server",
    "/x/kernel",
  ]);
});

Deno.test("what cannot work is said before anything is loaded", async () => {
  for (
    const [facts, message] of [
      [{ loaded: undefined }, /its kernel has no kexec/],
      [{ disabled: "1" }, /switched off until the next start/],
      [{ hasFiles: false }, /"stat" exited with status 1/],
      [{ availableKiB: 100_000 }, /Not enough memory/],
      [{ inhibitor: ["sleep:shutdown", "block"] }, /"PackageKit" wants no shutdown now: Package Update/],
    ] satisfies readonly (readonly [Facts, RegExp])[]
  ) {
    const system = laptop(facts);
    await assert.rejects(loadImage(system, settings), message);
    assert.ok(!ranKexec(system), String(message));
  }
});

Deno.test("a kernel that refuses the image is explained by its lockdown, if that is so", async () => {
  await assert.rejects(loadImage(laptop({ kexecExit: 255 }), settings), /"kexec" exited with status 255/);
  const locked = laptop({ kexecExit: 255, lockdown: "none [integrity] confidentiality" });
  await assert.rejects(loadImage(locked, settings), /locked down \(integrity, Secure Boot\)/);
  await assert.rejects(loadImage(laptop({ loaded: "0" }), settings), /kexec_loaded is not 1/);
});

Deno.test("locks that only delay a shutdown, or are about something else, are no obstacle", async () => {
  for (const inhibitor of [["shutdown", "delay"], ["handle-power-key", "block"]] as const) {
    const system = laptop({ inhibitor });
    await loadImage(system, settings);
    assert.ok(ranKexec(system));
  }
});

Deno.test("a laptop without obstacles has none", async () => {
  assert.equal(await findObstacle(laptop({})), undefined);
});

Deno.test("a system goes on only when it surely says so", async () => {
  for (
    const [answer, wanted] of [
      ["running\n", true],
      ["degraded\n", true],
      ["stopping\n", false],
      ["offline\n", false],
      ["", false],
    ] as const
  ) {
    assert.equal(await isGoingOn(createMemorySystem({ commands: [() => answer] })), wanted, answer);
  }
});

Deno.test("nothing is shut down when the loaded image is gone, and a shutdown that does not come is an error", async () => {
  const gone = laptop({ loaded: "0" });
  await assert.rejects(restartIntoImage(gone), /nothing is shut down/);
  assert.ok(!gone.ran.some(([program]) => program === "systemctl"));
  const stuck = laptop({});
  const failed = assert.rejects(restartIntoImage(stuck), /did not shut down within 10 minutes/);
  for (let turns = 0; turns < 50; turns++) await Promise.resolve();
  assert.deepEqual(stuck.ran.at(-1), ["systemctl", "kexec"]);
  stuck.advance(10 * 60_000);
  await failed;
});
