/** Guests at the desk: several at once, and an agent that is started in place of another one. */
import assert from "node:assert/strict";
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import { LEND_NVME_PATH } from "../../lib/export/nvme_tcp/needs.ts";
import { planSession, SESSION_RANDOM_BYTES, type SessionPlan } from "../../lib/export/session_plan.ts";
import { LEND_SNAPSHOT_PATH } from "../../lib/export/snapshot/needs.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { hello } from "../../tests/support/protocol_samples.ts";
import type { Console } from "../shared/console.ts";
import { Desk } from "./desk.ts";
import type { Ticket } from "./holding.ts";

const disk: DiskReport = {
  path: "/dev/sda",
  name: "sda",
  sizeBytes: 1_000_448,
  logicalBlockSize: 512,
  problems: [],
  notices: [],
};

interface Room {
  readonly memory: MemorySystem;
  readonly told: string[];
  /** Subsystems that are lent. */
  readonly lent: Set<string>;
  /** What a store's line says. */
  status: string;
  /** Ending an export takes until then. */
  ending: Promise<void>;
  /** The kernel does not end an export. */
  isStuck: boolean;
  /** Taking a snapshot away takes until then. */
  removing: Promise<void>;
  open(): Desk;
}

function openRoom(): Room {
  const told: string[] = [];
  const lent = new Set<string>();
  const memory: MemorySystem = createMemorySystem({
    commands: [async ([program, verb = "", name = ""], { stdin }) => {
      if (program === "dmsetup") return `${room.status}\n`;
      if (program === LEND_SNAPSHOT_PATH && verb === "remove") await room.removing;
      if (program !== LEND_NVME_PATH) return 0;
      if (verb === "check") return lent.has(name) ? 0 : 1;
      if (verb === "stop") {
        await room.ending;
        if (room.isStuck) return 1;
        lent.delete(name);
      } else lent.add(/SUBSYSTEM=(\S+)/.exec(`${stdin}`)?.[1] ?? "");
      return 0;
    }],
  });
  const say = (line: string): void => void told.push(line);
  const room: Room = {
    memory,
    told,
    lent,
    status: "0 8 snapshot 16/8192 0",
    ending: Promise.resolve(),
    isStuck: false,
    removing: Promise.resolve(),
    open: () =>
      new Desk({
        system: memory,
        console: { say, sayRarely: say } as Partial<Console> as Console,
        directory: "/run/stiefelsystem",
        onFree: (isDone) => say(`free ${isDone}`),
        onStay: ({ holder }) => say(`stays ${holder.name}`),
        onLost: () => say("lost"),
      }),
  };
  return room;
}

const clientOf = (name: string): { readonly name: string; readonly mac: string; readonly address: string } => ({
  name,
  mac: `02:00:00:00:00:${name}`,
  address: "fe80::2",
});

function planFor({ slot }: Ticket, isGuest: boolean): SessionPlan {
  return planSession({
    hello: { ...hello, link: { ...hello.link, address: "192.0.2.2/24" } },
    disk,
    slot,
    transport: "nvme-tcp",
    arrival: { kind: "address", localAddress: "192.0.2.1", remoteAddress: "192.0.2.2" },
    random: crypto.getRandomValues(new Uint8Array(SESSION_RANDOM_BYTES)),
    ...isGuest ? { storeBytes: 4_194_304 } : {},
  });
}

async function start(desk: Desk, name: string, isGuest = true): Promise<Ticket | string> {
  const admission = await desk.admit(clientOf(name), { isGuest, exchangeOver: Promise.resolve() });
  if (admission.kind === "refused") return admission.message;
  await desk.startExport(admission.ticket, planFor(admission.ticket, isGuest));
  return admission.ticket;
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
};

const snapshots = ({ memory }: Room, verb: string): readonly string[] =>
  memory.ran.filter(([program, what]) => program === LEND_SNAPSHOT_PATH && what === verb).map((argv) => argv[2] ?? "");

Deno.test("guests get numbers, ports and snapshots of their own; what ends first is free first", async () => {
  const room = openRoom();
  const desk = room.open();
  const [one, two] = [await start(desk, "01"), await start(desk, "02")];
  assert.ok(typeof one === "object" && typeof two === "object");
  assert.deepEqual([one.slot, two.slot], [1, 2]);
  assert.equal(new Set(snapshots(room, "make")).size, 2);
  assert.deepEqual(desk.lendings.map(({ lease }) => lease.holder.name), ["01", "02"]);
  assert.match(`${await start(desk, "03", false)}`, /"01" .* has been trying .*, and "02" .* has been trying/);
  assert.ok(desk.hasRoom && !desk.isFree);
  desk.promise(one, 5);
  await settle();
  assert.equal(desk.promisedBytes, 2 * (8192 - 16) * 512);

  await desk.release(one);
  assert.deepEqual(room.told.at(-1), "stays 02");
  assert.deepEqual(snapshots(room, "remove"), [snapshots(room, "make")[0]]);
  const three = await start(desk, "03");
  assert.equal(typeof three === "object" && three.slot, 1);
  await desk.release(two);
  assert.ok(typeof three === "object");
  await desk.release(three);
  assert.equal(room.told.at(-1), "free false");
  const writer = await start(desk, "04", false);
  assert.equal(typeof writer === "object" && writer.slot, 0);
  assert.match(
    `${await start(desk, "05")}`,
    /^"04" .* has had the disk since .*; what it writes would change the disk/,
  );
  assert.ok(!desk.hasRoom);
  await desk.close();
});

Deno.test("memory is promised once, also while kernel and initramfs are still on their way", async () => {
  const room = openRoom();
  const desk = room.open();
  for (const [name, bytes] of [["01", 300], ["02", 200]] as const) {
    const admission = await desk.admit(clientOf(name), { isGuest: true, exchangeOver: Promise.resolve() });
    assert.ok(admission.kind === "granted");
    desk.promise(admission.ticket, bytes);
  }
  assert.equal(desk.promisedBytes, 500);
  await desk.admit(clientOf("01"), { isGuest: true, exchangeOver: Promise.resolve() });
  assert.equal(desk.promisedBytes, 200, "what a machine had before it started anew is free");
  await desk.close();
});

Deno.test("a desktop that wrote starts anew as a guest: no guest gets in until all that it wrote is on the disk", async () => {
  const room = openRoom();
  const desk = room.open();
  await start(desk, "01", false);
  const gate = Promise.withResolvers<void>();
  room.ending = gate.promise;
  const order: string[] = [];
  const note = (name: string) => (ticket: Ticket | string): void =>
    void order.push(`${name} ${typeof ticket === "string" ? ticket : ticket.slot} beside ${room.lent.size}`);
  const both = [start(desk, "01").then(note("01")), start(desk, "02").then(note("02"))];
  await settle();
  assert.deepEqual([order, snapshots(room, "make"), room.lent.size], [[], [], 1]);
  gate.resolve();
  await Promise.all(both);
  assert.deepEqual(order.toSorted().map((text) => text.slice(0, 4)), ["01 1", "02 2"]);
  assert.equal(room.lent.size, 2);
  await desk.close();
});

Deno.test("a machine that asks again while its session is being ended waits until all of that is away", async () => {
  const room = openRoom();
  const desk = room.open();
  const first = await start(desk, "01");
  assert.ok(typeof first === "object");
  const gate = Promise.withResolvers<void>();
  room.removing = gate.promise;
  const released = desk.release(first);
  await settle();
  const order: string[] = [];
  const again = start(desk, "01").then(() => order.push(`again, with ${snapshots(room, "make").length} snapshots`));
  await settle();
  assert.deepEqual(order, []);
  gate.resolve();
  await Promise.all([released, again]);
  assert.deepEqual(order, ["again, with 2 snapshots"]);
  const notes = [...room.memory.files.keys()].filter((path) => path.endsWith("export.json"));
  assert.equal(notes.length, 1, "what is lent stays written down");
  await desk.close();
});

Deno.test("an export that cannot be ended keeps the disk: nobody gets it before that has worked", async () => {
  const room = openRoom();
  const desk = room.open();
  await start(desk, "01", false);
  room.isStuck = true;
  const outcomes: string[] = [];
  const ask = async (name: string): Promise<void> => {
    let outcome: string | undefined;
    start(desk, name).then(
      (ticket) => outcome = typeof ticket === "string" ? "refused" : "granted",
      () => outcome = "failed",
    );
    while (outcome === undefined) {
      await new Promise((resolve) => setTimeout(resolve));
      room.memory.advance(1_000);
    }
    outcomes.push(outcome);
  };
  await Promise.all([ask("01"), ask("02")]);
  await ask("02");
  await ask("01");
  assert.deepEqual([outcomes.toSorted(), room.lent.size], [["failed", "failed", "failed", "failed"], 1]);
  assert.deepEqual(desk.isFree, false);
  room.isStuck = false;
  await ask("02");
  await ask("01");
  assert.deepEqual([outcomes.slice(4), room.lent.size], [["granted", "granted"], 2]);
  await desk.close();
});

Deno.test("an agent that is started in place of another one finds all guests, and no writer gets in", async () => {
  const room = openRoom();
  const before = room.open();
  for (const name of ["01", "02", "03"]) await start(before, name);
  const [first = "", second] = room.lent;
  // The first export ended while no agent ran.
  room.lent.delete(first);
  const desk = room.open();
  const adopted = await desk.adopt();
  assert.equal(adopted.lease?.isGuest, true);
  assert.deepEqual(desk.lendings.map(({ lease }) => lease.holder.name), ["02", "03"]);
  assert.ok(second !== undefined && room.lent.has(second));
  assert.deepEqual(snapshots(room, "remove"), [snapshots(room, "make")[0]]);
  assert.match(`${await start(desk, "09", false)}`, /"02" .*, and "03" /);
  const again = await start(desk, "01");
  assert.equal(typeof again === "object" && again.slot, 1);
  await desk.close();
  await before.close();
  assert.equal(new Set(snapshots(room, "remove")).size, 4);
  assert.deepEqual([...room.memory.files.keys()].filter((path) => path.endsWith("export.json")), []);
});

Deno.test("a store that fills is told at 70 % and when it is full; its guest holds nothing when it is gone", async () => {
  const room = openRoom();
  const desk = room.open();
  await start(desk, "01");
  await settle();
  for (const status of ["0 8 snapshot 5900/8192 0", "0 8 snapshot 6000/8192 0", "0 8 snapshot Invalid"]) {
    room.status = status;
    room.memory.advance(5_000);
    await settle();
  }
  assert.deepEqual(room.told.filter((line) => /memory/i.test(line)), [
    '"01" has used 72 % of the memory for what it changes',
    'THE MEMORY FOR THE CHANGES OF "01" IS FULL: switch it off; this laptop\'s disk is as before',
  ]);
  // It was never connected.
  assert.equal(room.told.at(-1), "free false");
  assert.ok(desk.isFree);
  assert.deepEqual(snapshots(room, "remove"), snapshots(room, "make"));
});
