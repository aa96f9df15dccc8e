/** A desktop whose kernel is locked down, as with Secure Boot: what it starts, and what it refuses to fetch. */
import assert from "node:assert/strict";
import { makeProgram, signProgram } from "../support/signed_kernel.ts";
import { clientCommand, createSite, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";
import { layStandIns } from "./stand_ins.ts";

const keys = new URL("../fixtures/secure_boot/proc-keys", import.meta.url);

/** Its kernel as Debian's, started by UEFI with Secure Boot; a card of it misses firmware. */
async function startLockedDown(desktop: Machine, argv: readonly string[]): Promise<RunningAgent> {
  await Deno.copyFile(keys, `${desktop.directory}/keys`);
  const standIns = await layStandIns(desktop.directory, {
    grep: [
      "/usr/bin/sed 's|^|/proc/keys:|' $D/keys",
      "echo '/sys/kernel/security/lockdown:none [integrity] confidentiality'",
      "echo '/sys/firmware/efi/fw_platform_size:64'",
      'exec /usr/bin/grep "$@"',
    ].join("\n"),
    dmesg: "echo '[    0.000000] secureboot: Secure boot enabled'\n" +
      "echo '[    1.234567] tg3 0000:01:00.0: firmware: failed to load tigon/tg3_tso.bin (-2)'",
  });
  return desktop.start(standIns.wrap(argv));
}

rigTest(
  "a desktop that is locked down refuses a kernel of a signer it does not trust, before it fetches it",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
    const kernel = signProgram(makeProgram(1_000_000), ["kernel-signer", "Fedora Secure Boot CA"]);
    const site = await createSite(rig, { kernel });
    await using server = startServer(rig.machine("laptop"), { site });
    await server.waitForLine(/Waiting for a desktop/);
    const desktop = rig.machine("desktop");
    await using client = await startLockedDown(desktop, clientCommand(desktop, { site }));
    await client.waitForLine(
      /^This desktop cannot start the laptop's kernel, which is signed by "Fedora Secure Boot CA"/,
    );
    await client.waitForLine(/^ {2}Switch Secure Boot off on this desktop/);
    await client.waitForLine(/signed by a key that this desktop trusts: .*"Debian Secure Boot CA"/);
    await server.waitForLine(
      /The exchange with "desktop" failed: The client gave up: .*signed by "Fedora Secure Boot CA"/,
    );
    const page = client.lines.join("\n");
    assert.match(page, /^ {2}firmware {6}UEFI, Secure Boot on, kernel locked down \(integrity\)$/m);
    assert.match(page, /^ {2}key {11}[0-9a-f]{4}(-[0-9a-f]{4}){3}$/m);
    assert.match(page, /^ {2}eth0 {10}\d+ Mbit\/s, driver \?$/m);
    assert.match(page, /^ {2}no firmware {3}tigon\/tg3_tso\.bin, for tg3 \(package firmware-misc-nonfree\)$/m);
    assert.match(page, /^The laptop "laptop"\n {2}disk {10}Test disk, 1\.0 MB \(.*\n(?: {16}.*\n)*/m);
    assert.match(page, /^ {2}its kernel {4}signed by "Fedora Secure Boot CA", not trusted here$/m);
    assert.doesNotMatch(page, /Fetching|step=fetched/);
    assert.doesNotMatch(server.lines.join("\n"), /Sending/);
  },
);

rigTest("it fetches a kernel that Debian has signed, and shows its page once", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const names = ["Debian Secure Boot CA", "Debian Secure Boot Signer 2022 - linux", "Debian Secure Boot CA"];
  const site = await createSite(rig, { kernel: signProgram(makeProgram(1_000_000), names) });
  await using server = startServer(rig.machine("laptop"), { site });
  await server.waitForLine(/Waiting for a desktop/);
  const desktop = rig.machine("desktop");
  await using client = await startLockedDown(desktop, clientCommand(desktop, { site }));
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  const page = client.lines.join("\n");
  assert.match(page, /^ {2}its kernel {4}signed by "Debian Secure Boot CA", trusted here$/m);
  assert.match(page, /^ {2}passphrase {4}is not needed before the start$/m);
  assert.equal(page.match(/^This desktop$/gm)?.length, 1);
});

rigTest(
  "a kernel that nobody has signed is refused there, and started by a desktop that is not locked down",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
    const site = await createSite(rig);
    await using server = startServer(rig.machine("laptop"), { site });
    await server.waitForLine(/Waiting for a desktop/);
    const desktop = rig.machine("desktop");
    {
      await using client = await startLockedDown(desktop, clientCommand(desktop, { site }));
      await client.waitForLine(/^This desktop cannot start the laptop's kernel, which is not signed/);
    }
    const standIns = await layStandIns(desktop.directory, {
      grep: "exit 2",
      dmesg: "exit 1",
    });
    await using client = desktop.start(standIns.wrap(clientCommand(desktop, { site })));
    assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
    assert.match(client.lines.join("\n"), /^ {2}its kernel {4}not signed$/m);
  },
);
