/** Who gives addresses to desktops that start over the network, and on which links. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createRealSystem } from "../../lib/system/real.ts";
import { createRig, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";

const system = createRealSystem();
const kernel = new TextEncoder().encode("a kernel ".repeat(100_000));

async function macOf(machine: Machine, link: string): Promise<string> {
  const [facts] = JSON.parse(await machine.run(["ip", "-json", "link", "show", "dev", link]));
  return facts.address;
}

/** A laptop that starts desktops over these links of it. */
async function startLaptop(rig: Rig, links: readonly string[]): Promise<RunningAgent> {
  const machine = rig.machine("laptop");
  // dnsmasq gives up its rights, and reads what everyone may.
  await Deno.chmod(rig.directory, 0o755);
  const directory = `${rig.directory}/netboot`;
  const work = `${machine.directory}/run`;
  await Deno.mkdir(`${directory}/grub`, { recursive: true });
  await Deno.mkdir(`${work}/netboot`, { recursive: true });
  for (const [name, content] of [["kernel", kernel], ["shimx64.efi", kernel], ["grub/grub.cfg", kernel]] as const) {
    await Deno.writeFile(`${directory}/${name}`, content);
  }
  await Deno.writeTextFile(`${rig.directory}/initrd`, "public");
  const entry = fileURLToPath(new URL("netboot_entry.ts", import.meta.url));
  const macs = await Promise.all(links.map((link) => macOf(machine, link)));
  return machine.start([
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--unstable-net", "--allow-net", "--allow-run"],
    ...["--allow-read", "--allow-write", "--allow-env", entry, directory, `${rig.directory}/initrd`, work, ...macs],
  ]);
}

/**
 * Asks as a firmware does that looks for a boot loader: udhcpc of busybox, with the option of the architecture, takes
 * what it is offered.
 * @returns what it has printed, and whether it got an address
 */
async function askForBoot(
  machine: Machine,
  options: readonly string[] = ["-x", "0x5d:0007", "-V", "PXEClient"],
): Promise<{ readonly text: string; readonly hasLease: boolean }> {
  const script = `${machine.directory}/lease`;
  await Deno.writeTextFile(
    script,
    '#!/bin/sh\n[ "$1" != bound ] || env | grep -E "^(ip|siaddr|boot_file|serverid)="\n',
  );
  await Deno.chmod(script, 0o755);
  await machine.run(["ip", "link", "set", "eth0", "up"]);
  const words = ["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "3", "-T", "1", "-s", script];
  const text = await machine.run([...words, ...options], { acceptExitCodes: [0, 1] });
  return { text, hasLease: /^ip=/m.test(text) };
}

const onlyOne = /no other DHCP server answers/;
const another = /another DHCP server answers \((.*)\)/;

rigTest("a desktop on a direct cable gets an address and a boot loader, by TFTP and by HTTP", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await desktop.run(["ip", "link", "set", "eth0", "up"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  await laptop.waitForLine(onlyOne);
  const { text } = await askForBoot(desktop);
  const address = /^siaddr=(10\.157\.\d+\.1)$/m.exec(text)?.[1] ?? "";
  assert.match(text, /^boot_file=shimx64\.efi$/m);
  assert.match(text, /^ip=10\.157\.\d+\.\d+$/m);
  const bios = await askForBoot(desktop, ["-x", "0x5d:0000", "-V", "PXEClient"]);
  assert.match(bios.text, /^boot_file=undionly\.kpxe$/m);
  // Option 77, as iPXE has it.
  const ipxe = await askForBoot(desktop, ["-x", "0x5d:0000", "-x", "0x4d:69505845", "-V", "PXEClient"]);
  assert.match(ipxe.text, new RegExp(`^boot_file=http://${address.replaceAll(".", "\\.")}/boot\\.ipxe$`, "m"));
  const http = await askForBoot(desktop, ["-x", "0x5d:0010", "-V", "HTTPClient:Arch:00016"]);
  assert.match(http.text, new RegExp(`^boot_file=http://${address.replaceAll(".", "\\.")}/shimx64\\.efi$`, "m"));
  // A computer that asks for an address alone gets none.
  assert.ok(!(await askForBoot(desktop, [])).hasLease);

  const own = /^ip=(.*)$/m.exec(text)?.[1] ?? "";
  await desktop.run(["ip", "address", "add", `${own}/24`, "dev", "eth0"]);
  const fetched = `${desktop.directory}/fetched`;
  for (const source of [`tftp://${address}/shimx64.efi`, `http://${address}//kernel`, `http://${address}/x/kernel.0`]) {
    await desktop.run(["curl", "--silent", "--fail", "--output", fetched, source]);
    assert.deepEqual(await Deno.readFile(fetched), kernel, source);
  }
  assert.equal(await desktop.run(["curl", "-s", "--fail", `http://${address}/initrd`]), "public");
  assert.equal(
    await desktop.run([
      "curl",
      "-s",
      "--fail",
      "-r",
      "899990-",
      "--write-out",
      "%{http_code}",
      `http://${address}/kernel`,
    ]),
    "a kernel 206".padStart(13),
  );
  for (const path of ["", "aes-key", "../aes-key", "%2e%2e/etc/stiefelsystem/aes-key"]) {
    await assert.rejects(
      desktop.run(["curl", "-s", "--fail", "--path-as-is", `http://${address}/${path}`]),
      /exited with 22|status 22|22/,
      path,
    );
  }
});

rigTest("before it is known whether another machine gives addresses, ours gives none, but its files", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await desktop.run(["ip", "link", "set", "eth0", "up"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  await waitForDnsmasq(rig);
  const question = askForBoot(desktop, ["-x", "0x5d:0007", "-V", "PXEClient", "-t", "1"]);
  const shown = await rig.machine("laptop").run(["ip", "-4", "address", "show", "dev", "eth0"]);
  const address = /inet (10\.157\.\d+)\.1\//.exec(shown)?.[1] ?? "";
  assert.ok(!(await question).hasLease);
  await desktop.run(["ip", "address", "add", `${address}.200/24`, "dev", "eth0"]);
  assert.equal(await desktop.run(["curl", "-s", "--fail", `http://${address}.1/initrd`]), "public");
  await desktop.run(["curl", "-s", "--fail", "--output", "/dev/null", `tftp://${address}.1/shimx64.efi`]);
  assert.ok(!laptop.lines.some((line) => onlyOne.test(line)), "all of it was early");
});

rigTest("beside another DHCP server no address is given, not even at first", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await using _foreign = await startForeign(desktop, ["--no-ping"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  assert.match(await laptop.waitForLine(another), /\(192\.0\.2\.1\)/);
  assert.ok(!laptop.lines.some((line) => onlyOne.test(line)), laptop.lines.join("\n"));
  assert.ok(!await givesAddresses(rig));
});

rigTest("beside it, a firmware is told where a boot loader is, at an address that the other one gave", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await using foreign = await startForeign(desktop, ["--no-ping"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  const line = await laptop.waitForLine(/boot loaders for PXE come from/);
  const address = /from (192\.0\.2\.\d+)/.exec(line)?.[1] ?? "";
  const leases = await Deno.readTextFile(`${desktop.directory}/leases`);
  assert.ok(leases.includes(`${await macOf(rig.machine("laptop"), "eth0")} ${address} `), leases);
  await waitForDnsmasq(rig);
  const entry = fileURLToPath(new URL("pxe_question.ts", import.meta.url));
  const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--unstable-net", "--allow-net"];
  const ask = async (architecture: string): Promise<readonly string[]> =>
    (await desktop.run([...deno, entry, "192.0.2.1", "52:54:00:77:00:01", architecture])).trim().split("\n");
  for (const [architecture, file] of [["7", "shimx64.efi"], ["9", "shimx64.efi"]] as const) {
    const lines = await ask(architecture);
    const given = lines.filter((text) => text.startsWith("discover ") && !text.includes("given=0.0.0.0"));
    assert.equal(given.length, 1, lines.join("\n"));
    assert.match(given[0] ?? "", /server=192\.0\.2\.1 /);
    assert.ok(lines.includes(`request server=${address} given=0.0.0.0 next=${address} file=${file}`), lines.join("\n"));
  }
  // A BIOS gets a menu of one entry (option 43), and asks for that.
  const bios = await ask("0");
  assert.ok(bios.some((text) => text.startsWith(`request server=${address} given=0.0.0.0`)), bios.join("\n"));
  const fetched = `${desktop.directory}/fetched`;
  await desktop.run(["curl", "-s", "--fail", "--output", fetched, `tftp://${address}/shimx64.efi`]);
  assert.deepEqual(await Deno.readFile(fetched), kernel);
  assert.equal(await desktop.run(["curl", "-s", "--fail", `http://${address}/initrd`]), "public");
  await foreign.kill();
});

/** The laptop has the address that it gives others from until its dnsmasq for that has ended. */
async function givesAddresses(rig: Rig): Promise<boolean> {
  return /inet 10\.157\./.test(await rig.machine("laptop").run(["ip", "-4", "address", "show", "dev", "eth0"]));
}

async function waitForDnsmasq(rig: Rig): Promise<void> {
  const endMs = system.monotonicMs() + 10_000;
  while (!(await rig.processes("laptop")).includes("dnsmasq")) {
    assert.ok(system.monotonicMs() < endMs, "no dnsmasq on the laptop");
    await system.delay(50);
  }
}

rigTest("one that asks first whether an address is taken is waited for", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  await using _foreign = await startForeign(rig.machine("desktop"), []);
  await using laptop = await startLaptop(rig, ["eth0"]);
  await laptop.waitForLine(another);
  assert.ok(!laptop.lines.some((line) => onlyOne.test(line)), laptop.lines.join("\n"));
});

rigTest("a DHCP server that appears later silences ours within a second", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await desktop.run(["ip", "link", "set", "eth0", "up"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  await laptop.waitForLine(onlyOne);
  assert.ok((await askForBoot(desktop)).hasLease);
  await using foreign = await startForeign(desktop, ["--no-ping"]);
  await foreign.waitForLine(/started, version/);
  const appearedMs = system.monotonicMs();
  await laptop.waitForLine(another);
  while (await givesAddresses(rig)) await system.delay(20);
  const silentAfterMs = system.monotonicMs() - appearedMs;
  console.log(`silent after ${Math.round(silentAfterMs)} ms`);
  assert.ok(silentAfterMs < 1_000, `${silentAfterMs} ms`);
});

rigTest("a link that was not chosen gets no answer and no address", async () => {
  await using rig = await createRig([["laptop", "eth0", "chosen", "eth0"], ["laptop", "eth1", "desktop", "eth0"]]);
  await rig.machine("chosen").run(["ip", "link", "set", "eth0", "up"]);
  await rig.machine("desktop").run(["ip", "link", "set", "eth0", "up"]);
  await using laptop = await startLaptop(rig, ["eth0"]);
  await laptop.waitForLine(onlyOne);
  const [chosen, other] = await Promise.all([askForBoot(rig.machine("chosen")), askForBoot(rig.machine("desktop"))]);
  assert.ok(chosen.hasLease, chosen.text);
  assert.ok(!other.hasLease, other.text);
  const addresses = await rig.machine("laptop").run(["ip", "-4", "address", "show", "dev", "eth1"]);
  assert.equal(addresses, "", "no address on a link that was not chosen");
});

rigTest("what a killed agent has left does not go on giving addresses", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await desktop.run(["ip", "link", "set", "eth0", "up"]);
  const first = await startLaptop(rig, ["eth0"]);
  await first.waitForLine(onlyOne);
  assert.ok((await askForBoot(desktop)).hasLease);
  await first.kill();
  assert.ok((await rig.processes("laptop")).includes("dnsmasq"), "it has been left");
  await using _foreign = await startForeign(desktop, ["--no-ping"]);
  await using second = await startLaptop(rig, ["eth0"]);
  await second.waitForLine(another);
  assert.ok(!await givesAddresses(rig));
});

/** Another machine that gives addresses on its eth0. */
async function startForeign(machine: Machine, options: readonly string[]): Promise<RunningAgent> {
  await machine.run(["ip", "link", "set", "eth0", "up"]);
  await machine.run(["ip", "address", "replace", "192.0.2.1/24", "dev", "eth0"]);
  return machine.start([
    ...[
      "dnsmasq",
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--port=0",
      "--interface=eth0",
      "--bind-interfaces",
    ],
    ...["--log-facility=-", "--user=root", "--pid-file", `--dhcp-leasefile=${machine.directory}/leases`],
    ...["--dhcp-range=192.0.2.10,192.0.2.99,1h", ...options],
  ]);
}
