/**
 * A desktop on a cable with more than its laptop: a switch with a router on it, stiefel-network, and a disk that is
 * read all the time.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { desktopNetworkPrograms } from "../../lib/export/desktop_programs.ts";
import { attachDesktop, type Desk } from "./attached_desktop.ts";
import { type DebianTree, installDebian } from "./debian_tree.ts";
import type { Cable, Machine, Rig, RunningAgent } from "./rig.ts";

const programs = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem", import.meta.url));
const statePath = "stiefelsystem/network.state";

/** Through a switch, with a router on it. */
const office: readonly Cable[] = [
  ["laptop", "eth0", "switch", "laptop"],
  ["desktop", "stiefel0", "switch", "desktop"],
  ["router", "eth0", "switch", "router"],
];

async function startSwitch(rig: Rig): Promise<void> {
  const machine = rig.machine("switch");
  await machine.run(["ip", "link", "add", "dev", "bridge", "type", "bridge", "mcast_snooping", "0"]);
  for (const port of ["laptop", "desktop", "router"]) {
    await machine.run(["ip", "link", "set", "dev", port, "master", "bridge", "up"]);
  }
  await machine.run(["ip", "link", "set", "dev", "bridge", "up"]);
}

/** DHCP and router advertisements. */
export async function startRouter(machine: Machine, debian: DebianTree, families = ["4", "6"]): Promise<RunningAgent> {
  await machine.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await machine.run(["ip", "address", "replace", "192.0.2.1/24", "dev", "eth0"]);
  await machine.run(["ip", "address", "replace", "2001:db8:1::1/64", "dev", "eth0", "nodad"]);
  const router = debian.start(machine, [
    ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--port=0", "--leasefile-ro"],
    ...["--interface=eth0", "--bind-dynamic"],
    ...families.includes("4") ? ["--dhcp-range=192.0.2.50,192.0.2.90,1h"] : [],
    ...families.includes("6") ? ["--dhcp-range=2001:db8:1::,ra-only,64,1h", "--enable-ra", "--ra-param=eth0,5,60"] : [],
  ]);
  await router.waitForLine(/started/);
  return router;
}

/** The parts of a test that all managers share. */
export class Office implements AsyncDisposable {
  readonly desk: Desk;
  readonly debian: DebianTree;
  readonly #network: RunningAgent;
  readonly #run: string;
  readonly #owned: AsyncDisposableStack;
  #link = "";

  private constructor(desk: Desk, debian: DebianTree, network: RunningAgent, run: string, owned: AsyncDisposableStack) {
    this.desk = desk;
    this.debian = debian;
    this.#network = network;
    this.#run = run;
    this.#owned = owned;
  }

  /** @param options.files of the desktop's own system, by path */
  static async open(
    packages: readonly string[],
    { files = {}, cables = office }: {
      readonly files?: Readonly<Record<string, string>>;
      readonly cables?: readonly Cable[];
    } = {},
  ): Promise<Office> {
    await using stack = new AsyncDisposableStack();
    const debian = stack.use(await installDebian(["dnsmasq-base", "iproute2", "systemd", "dbus", ...packages]));
    const machineId = { "/etc/machine-id": "0123456789abcdef0123456789abcdef\n" };
    for (const [path, text] of Object.entries({ ...machineId, ...files })) {
      await Deno.mkdir(`${debian.directory}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(`${debian.directory}${path}`, text, {
        mode: path.endsWith(".nmconnection") ? 0o600 : 0o644,
      });
    }
    const prepare = cables === office ? startSwitch : undefined;
    const desk = stack.use(await attachDesktop({ reads: 2500, keeps: true, cables, ...prepare && { prepare } }));
    const { desktop, root } = desk;
    const run = `${desktop.directory}/debian-run`;
    // /run moves into the system that starts; what "prepare" puts there of the boot image's comes with it.
    await desktop.run(["sh", "-euc", 'mkdir -p "$1" && cp -a "$0/run/." "$1/"', root, run]);
    await Deno.mkdir(`${run}/stiefelsystem/programs`);
    for (const [name, path] of Object.entries(desktopNetworkPrograms)) {
      await Deno.copyFile(path, `${run}/stiefelsystem/programs/${name}`);
    }
    // What takes a minute on a desktop takes a second here.
    const quick = (await Deno.readTextFile(`${programs}/stiefel-network`))
      .replace("look_seconds='5 10 15 30 60'", "look_seconds='1'");
    assert.match(quick, /^look_seconds='1'$/m);
    await Deno.writeTextFile(`${debian.directory}/usr/local/sbin/stiefel-network`, quick, { mode: 0o755 });
    const network = stack.use(debian.start(desktop, ["stiefel-network"]));
    const office_ = new Office(desk, debian, network, run, stack.move());
    office_.#link = await office_.#readLink();
    return office_;
  }

  /** Of the link to the disk: addresses and ways. */
  async #readLink(): Promise<string> {
    const { desktop } = this.desk;
    const parts = await Promise.all([
      desktop.run(["ip", "-oneline", "link", "show", "dev", "stiefel0"]),
      desktop.run(["ip", "-oneline", "address", "show", "dev", "stiefel0", "scope", "global"]),
      desktop.run(["ip", "-6", "route", "show", "table", "local", "dev", "stiefel0", "type", "unicast"]),
    ]);
    return parts.join("");
  }

  /** A line of stiefel-network's, from now on or from a line number. */
  async heard(pattern: RegExp, from = 0): Promise<void> {
    await this.#network.waitForLine(pattern, { from, timeoutMs: 60_000 });
  }

  get lineCount(): number {
    return this.#network.lines.length;
  }

  readState(): Promise<string> {
    return Deno.readTextFile(`${this.#run}/${statePath}`);
  }

  run(...argv: readonly string[]): Promise<string> {
    return this.debian.run(this.desk.desktop, argv);
  }

  start(...argv: readonly string[]): RunningAgent {
    return this.debian.start(this.desk.desktop, argv);
  }

  async address(card: string): Promise<string> {
    return await this.desk.desktop.run(["ip", "-oneline", "address", "show", "dev", card]);
  }

  /** Until it is like that. @throws with what it was last, when that takes too long */
  async waitForCard(card: string, isThere: (addresses: string) => boolean): Promise<void> {
    let text = "";
    for (const endMs = performance.now() + 60_000; performance.now() < endMs;) {
      text = await this.address(card).catch((error) => String(error));
      if (isThere(text)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Not in time; it is:\n${text}\n${this.#network.lines.join("\n")}`);
  }

  /** The disk has been read all the time, its link is as it was. */
  async assertUntouched(what: string): Promise<void> {
    assert.equal(await this.#readLink(), this.#link, what);
    const from = this.desk.disk.lines.length;
    await this.desk.disk.waitForLine(/^read 4096\/4096/, { from, timeoutMs: 2_000 });
    assert.doesNotMatch(this.desk.disk.lines.join("\n"), /error|failed/i, what);
    assert.ok(this.longestRead() < 1, `${what}: one read took ${this.longestRead()} s`);
  }

  /** In seconds. qemu-io: "4 KiB, 1 ops; 00.01 sec (…" */
  longestRead(): number {
    const times = this.desk.disk.lines.flatMap((line) => {
      const [, minutes = "0", seconds] = / ops; (?:(\d+):)?(\d+(?:\.\d+)?) sec /.exec(line) ?? [];
      return seconds === undefined ? [] : [Number(minutes) * 60 + Number(seconds)];
    });
    assert.ok(times.length > 3, this.desk.disk.lines.join("\n"));
    return Math.max(...times);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}

export const hasV4 = (text: string): boolean => / 192\.0\.2\.[5-9]\d\/24 /.test(text);
export const hasV6 = (text: string): boolean =>
  / 2001:db8:1:\S+\/64 scope global/.test(text) && !text.includes("tentative");
export const hasBoth = (text: string): boolean => hasV4(text) && hasV6(text);
export const hasNone = (text: string): boolean => !hasV4(text) && !hasV6(text);
export const isUsers = (text: string): boolean => hasBoth(text) && / 198\.51\.100\.7\//.test(text);

export async function startBus(office: Office): Promise<RunningAgent> {
  const bus = office.start("dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address");
  await bus.waitForLine(/^unix:/);
  return bus;
}
