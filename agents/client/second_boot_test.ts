import assert from "node:assert/strict";
import { makeProgram, signProgram } from "../../tests/support/signed_kernel.ts";
import { UserError } from "../../lib/errors.ts";
import { placeBytes, placePartition } from "../../lib/second_boot/place.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, createConsole, NoTerminal, type Terminal } from "../shared/console.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { session, tunnelSession } from "../../tests/support/protocol_samples.ts";
import { allDesktopPrograms, desktopNetworkPrograms } from "../../lib/export/desktop_programs.ts";
import {
  askForSecondBoot,
  cleanStick,
  demandRoom,
  demandShim,
  findOffer,
  offerSecondBoot,
  planSecondBoot,
} from "./second_boot.ts";

const partitionUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
const common = { ro: false, rm: true, "log-sec": 512, mountpoints: [null] };
const stick = {
  ...{ ...common, name: "sda", path: "/dev/sda", type: "disk", size: 8e9 },
  children: [{
    ...{ ...common, name: "sda3", path: "/dev/sda3", type: "part", size: placeBytes, partuuid: partitionUuid },
    ...{ parttype: placePartition.type, partlabel: placePartition.name },
  }],
};

interface Rig {
  readonly system: System;
  /** Programs that were started, but for lsblk. */
  readonly runs: string[];
}

/** @param first block of the place */
function createRig(disks: readonly unknown[], first = new Uint8Array(4096), thereAfterMs = 0): Rig {
  const runs: string[] = [];
  let nowMs = 0;
  const run: System["run"] = (argv, options) => {
    const stdout = argv[0] === "lsblk" ? JSON.stringify({ blockdevices: nowMs < thereAfterMs ? [] : disks }) : "";
    if (argv[0] !== "lsblk") runs.push(argv.join(" "));
    options?.onBytes?.(first);
    return Promise.resolve({ exitCode: 0, stdout, stderr: "" });
  };
  const delay: System["delay"] = (ms, over) => {
    over?.throwIfAborted();
    nowMs += ms;
    return Promise.resolve();
  };
  return { system: { run, delay, monotonicMs: () => nowMs } as System, runs };
}

const signal = new AbortController().signal;
const waitMs = 60_000;
const untrusted = { kind: "untrusted", signer: "Fedora Secure Boot CA" } as const;
const uefi = { firmware: "UEFI" } as const;

Deno.test("it is offered where another signer's kernel meets UEFI and a stick with a place, and nowhere else", async () => {
  const { system, runs } = createRig([stick]);
  const offer = await findOffer({ system, signal }, { trust: untrusted, facts: uefi, partitionUuid, waitMs });
  assert.ok(offer.kind === "offer");
  assert.deepEqual([offer.used.place.path, offer.used.partitionUuid], ["/dev/sda3", partitionUuid]);
  for (const trust of [{ kind: "unsigned" }, { kind: "changed" }, { kind: "not-known" }] as const) {
    assert.deepEqual(await findOffer({ system, signal }, { trust, facts: uefi, partitionUuid, waitMs }), {
      kind: "none",
    });
  }
  for (const facts of [{}, { firmware: "BIOS" }] as const) {
    assert.deepEqual(await findOffer({ system, signal }, { trust: untrusted, facts, partitionUuid, waitMs }), {
      kind: "none",
    });
  }
  const older = await findOffer({ system, signal }, {
    trust: untrusted,
    facts: uefi,
    partitionUuid: undefined,
    waitMs,
  });
  assert.match(older.kind === "none" ? older.why ?? "" : "", /no place for them; setup-client-usbdrive --anew/);
  const twice = createRig([stick, { ...stick, path: "/dev/sdb" }]).system;
  const copied = await findOffer({ system: twice, signal }, { trust: untrusted, facts: uefi, partitionUuid, waitMs });
  assert.match(copied.kind === "none" ? copied.why ?? "" : "", /two devices/);
  assert.deepEqual(runs, [], "nothing was written");
});

Deno.test("a stick that appears late is waited for, until the waiting is ended", async () => {
  const late = createRig([stick], new Uint8Array(4096).fill(1), 50_000);
  const offer = await findOffer({ system: late.system, signal }, {
    trust: untrusted,
    facts: uefi,
    partitionUuid,
    waitMs,
  });
  assert.equal(offer.kind, "offer");
  const later = createRig([stick], new Uint8Array(4096).fill(1), 50_000);
  const { console, said } = createAsking(undefined);
  await cleanStick({ system: later.system, console, signal: AbortSignal.abort() }, partitionUuid);
  assert.deepEqual([later.runs, said], [[], []]);
  await cleanStick({ system: later.system, console, signal }, partitionUuid);
  assert.equal(later.runs.length, 3);
});

function createAsking(readLine: Terminal["readLine"]): { readonly console: Console; readonly said: string[] } {
  const said: string[] = [];
  const terminal = { write: (text: string) => void said.push(text.trimEnd()), canRedraw: false };
  return {
    console: createConsole({
      terminal: readLine === undefined ? terminal : { ...terminal, readLine },
      monotonicMs: () => 0,
    }),
    said,
  };
}

Deno.test("only a person who types yes wants it", async () => {
  const ask = (readLine: Terminal["readLine"], waitMs = 60_000): Promise<boolean> =>
    askForSecondBoot(createAsking(readLine).console, { signal, waitMs });
  const answers = { "yes": true, " YES ": true, "y": false, "no": false, "": false };
  for (const [typed, wanted] of Object.entries(answers)) {
    assert.equal(await ask(() => Promise.resolve(typed)), wanted, typed);
  }
  assert.equal(await ask(undefined), false, "without a terminal");
  assert.equal(await ask(() => Promise.reject(new NoTerminal())), false);
  assert.equal(await ask(() => Promise.reject(new UserError("Stopped"))), false);
  const never: Terminal["readLine"] = (_, over) =>
    new Promise((_, reject) => over.addEventListener("abort", () => reject(over.reason)));
  assert.equal(await ask(never, 10), false, "no person is there");
});

Deno.test("a no is asked again when the laptop is, a yes names the stick, and where it cannot be the reason is shown", async () => {
  const play = async (disks: readonly unknown[], typed: string): Promise<readonly [string, string, number]> => {
    const { console, said } = createAsking(() => Promise.resolve(typed));
    const waits: number[] = [];
    const rig = createRig(disks).system;
    const delay: System["delay"] = (ms, over) => rig.delay(ms, over).then(() => void waits.push(ms));
    const system = { ...rig, delay };
    const situation = { trust: untrusted, facts: uefi, partitionUuid, waitMs };
    const answer = await offerSecondBoot({ system, console, signal }, situation);
    const path = answer.kind === "accepted" ? answer.used.place.path : answer.kind;
    return [path, said.join("\n"), waits.reduce((sum, ms) => sum + ms, 0)];
  };
  assert.deepEqual((await play([stick], "yes")).with(1, ""), ["/dev/sda3", "", 0]);
  assert.deepEqual((await play([stick], "no")).with(1, ""), ["declined", "", 60_000]);
  const [kind, said, waited] = await play([], "yes");
  assert.deepEqual([kind, waited], ["declined", 60_000], "a stick on USB takes its time");
  assert.match(said, /own boot loaders cannot start it from this stick: the stick is not there/);
});

Deno.test("before a person says yes, the screen says that the desktop restarts, and what is to be done then", async () => {
  const { console, said } = createAsking(() => Promise.resolve("no"));
  await askForSecondBoot(console, { signal, waitMs: 1000 });
  const text = said.join("\n");
  assert.match(text, /this desktop restarts\. Choose the stick in its boot menu then/);
  assert.match(text, /No other disk of this desktop is written to/);
});

const staged = { kernelPath: "/run/k", initramfsPath: "/run/i", shimPath: "/run/s", grubPath: "/run/g" };
const archive = {
  chain: { directory: "fedora", shimBytes: 10, grubBytes: 20 },
  commandLine: "root=UUID=1 ro",
} as const;
const place = { sizeBytes: placeBytes, sectorBytes: 512 } as const;
const sizes = { kernel: 100, initramfs: 200, shim: 10, grub: 20 };

Deno.test("shim finds GRUB beside it, GRUB its configuration where it looks, and the entry has one try", () => {
  const { copies, head } = planSecondBoot(place, { archive, staged, sizes });
  assert.deepEqual(copies.map(({ path, from, sizeBytes }) => [path, from, sizeBytes]), [
    ["EFI/fedora/shimx64.efi", "/run/s", 10],
    ["EFI/fedora/grubx64.efi", "/run/g", 20],
    ["EFI/fedora/kernel", "/run/k", 100],
    ["EFI/fedora/initramfs", "/run/i", 200],
  ]);
  const text = new TextDecoder("latin1").decode(head);
  assert.match(text, /if linux \$prefix\/kernel 'root=UUID=1' 'ro'; then\n {2}initrd \$prefix\/initramfs\n/);
  assert.match(text, /sort-key 0-once\nefi \/EFI\/fedora\/shimx64\.efi\n/);
  // The name "0-once+1.conf" in a directory's entry for long names, two bytes a character.
  assert.ok(text.includes([..."0-onc"].map((letter) => `${letter}\0`).join("")));
});

Deno.test("what has no room, or cannot be passed on, is refused", () => {
  const plan = (change: object, commandLine: string = archive.commandLine): unknown =>
    planSecondBoot(place, { archive: { ...archive, commandLine }, staged, sizes: { ...sizes, ...change } });
  assert.throws(() => plan({ initramfs: 300_000_000 }), /no room for the laptop's kernel and initramfs/);
  assert.throws(() => plan({}, "a=b'c"), /cannot pass its kernel command line on/);
});

Deno.test("before anything is fetched, the room is that for all that will be written: a tunnel's programs, too", async () => {
  const programBytes = 2_000_000;
  const system = { stat: () => Promise.resolve({ sizeBytes: programBytes }) } as unknown as System;
  const fits = (initramfs: number): boolean => {
    try {
      planSecondBoot(place, { archive, staged, sizes: { ...sizes, initramfs } });
      return true;
    } catch {
      return false;
    }
  };
  let [least, most] = [0, placeBytes];
  while (most - least > 4096) {
    const middle = (least + most) >> 1;
    if (fits(middle)) least = middle;
    else most = middle;
  }
  const demand = (initramfsBytes: number, plan = session as SessionParameters): Promise<void> =>
    demandRoom(system, place, { ...archive, kernelBytes: sizes.kernel, initramfsBytes, session: plan });
  const programsBytes = (programs: Readonly<Record<string, string>>): number =>
    Object.keys(programs).length * programBytes;
  const withoutTunnel = least - 100_000 - programsBytes(desktopNetworkPrograms);
  await demand(withoutTunnel);
  await assert.rejects(demand(withoutTunnel, tunnelSession), /no room for the laptop's kernel and initramfs/);
  await assert.rejects(demand(most), /no room/);
  await demand(least - 100_000 - programsBytes(allDesktopPrograms), tunnelSession);
});

Deno.test("a shim that the firmware does not trust is refused, as far as its keys can be seen", () => {
  const shim = signProgram(makeProgram(), [
    "Microsoft Windows UEFI Driver Publisher",
    "Microsoft Corporation UEFI CA 2011",
  ]);
  const facts = (...names: readonly string[]): Parameters<typeof demandShim>[0] => ({
    lockdown: "integrity",
    trustedKeys: names.map((name, index) => ({ name, id: `${index}` })),
  });
  demandShim(facts("Microsoft Corporation UEFI CA 2011", "Debian Secure Boot CA"), shim);
  demandShim(facts("Debian Secure Boot CA"), shim);
  demandShim({ lockdown: "integrity", trustedKeys: undefined }, shim);
  assert.throws(() => demandShim(facts("Microsoft UEFI CA 2023"), shim), /does not trust the laptop's shim, .* 2011"/);
});

Deno.test("what a second boot has left is removed at the next start, and nothing is written to an empty place", async () => {
  const { console, said } = createAsking(undefined);
  const empty = createRig([stick]);
  await cleanStick({ system: empty.system, console, signal }, partitionUuid);
  assert.deepEqual(empty.runs, ["dd if=/dev/sda3 bs=4096 count=1"]);
  const used = createRig([stick], new Uint8Array(4096).fill(1));
  await cleanStick({ system: used.system, console, signal }, partitionUuid);
  const blocks = placeBytes / 4096;
  assert.deepEqual(used.runs, [
    "dd if=/dev/sda3 bs=4096 count=1",
    `dd of=/dev/sda3 bs=4096 if=/dev/zero seek=1 count=${blocks - 1} conv=notrunc,fsync`,
    "dd of=/dev/sda3 bs=4096 if=/dev/zero seek=0 count=1 conv=notrunc,fsync",
  ]);
  assert.deepEqual(said, ["What a second boot had left on the stick is removed"]);
  const gone = createRig([]);
  await cleanStick({ system: gone.system, console, signal }, partitionUuid);
  await cleanStick({ system: gone.system, console, signal }, undefined);
  assert.deepEqual(gone.runs, []);
});
