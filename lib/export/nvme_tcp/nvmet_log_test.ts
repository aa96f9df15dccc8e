import assert from "node:assert/strict";
import { emptyNvmetLog, nvmeName, type NvmetLogState, readDiskError, readNvmetLine } from "./nvmet_log.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const host = nvmeName("22222222-2222-4222-8222-222222222222");
const other = "33333333-3333-4333-8333-333333333333";

// Lines as Linux 6.12.117 wrote them.
const kmsg = (text: string): string => `6,1042,47908321,-;${text}`;
const created = (number: number, name: string): string =>
  kmsg(`nvmet: creating nvm controller ${number} for subsystem ${name} for NQN ${host}.`);
const expired = (number: number): string => kmsg(`nvmet: ctrl ${number} keep-alive timer (15 seconds) expired!`);

function read(...lines: readonly string[]): NvmetLogState {
  return lines.reduce((state, line) => readNvmetLine(state, line, uuid), emptyNvmetLog);
}

Deno.test("the kernel's log tells that a desktop has come, was not heard of, came again and said goodbye", () => {
  const come = read(kmsg(`nvmet: adding nsid 1 to subsystem ${nvmeName(uuid)}`), created(1, nvmeName(uuid)));
  assert.deepEqual(come, { wasUsed: true, controllers: [1], saidGoodbye: false });
  const silent = readNvmetLine(come, expired(1), uuid);
  assert.deepEqual(silent.controllers, []);
  const back = readNvmetLine(silent, created(2, nvmeName(uuid)), uuid);
  assert.deepEqual(back.controllers, [2]);
  const gone = readNvmetLine(back, created(3, `${nvmeName(uuid)}:goodbye`), uuid);
  assert.equal(gone.saidGoodbye, true);
  assert.equal(readNvmetLine(gone, created(4, nvmeName(uuid)), uuid).saidGoodbye, false, "it has come once more");
  const older = kmsg(`nvmet: creating controller 1 for subsystem ${nvmeName(uuid)} for NQN ${host}.`);
  assert.equal(read(older).wasUsed, true);
});

Deno.test("what other sessions, strangers and other programs write is not counted", () => {
  const lines = [
    created(1, nvmeName(other)),
    created(1, `${nvmeName(other)}:goodbye`),
    created(1, `${nvmeName(uuid)}:goodbye2`),
    kmsg(`nvmet: connect request for invalid subsystem ${nvmeName(uuid)}:goodbye!`),
    kmsg(`nvmet: connect by host ${host} for subsystem ${nvmeName(uuid)} not allowed`),
    // written to /dev/kmsg by a program: the text begins with another word
    kmsg(`sh: nvmet: creating nvm controller 1 for subsystem ${nvmeName(uuid)} for NQN ${host}.`),
    created(1, nvmeName(uuid)).replace("6,1042,47908321,-;", ""),
    ` SUBSYSTEM=nvmet: creating nvm controller 1 for subsystem ${nvmeName(uuid)} for NQN ${host}.`,
  ];
  assert.deepEqual(read(...lines), emptyNvmetLog);
});

Deno.test("an error of the lent disk is told from one of another disk", () => {
  const error = kmsg("I/O error, dev sda, sector 2048 op 0x1:(WRITE) flags 0x8800 phys_seg 1 prio class 0");
  assert.equal(readDiskError(error, "sda"), "I/O error");
  assert.equal(
    readDiskError(kmsg("critical medium error, dev sda, sector 9 op 0x0:(READ)"), "sda"),
    "critical medium error",
  );
  assert.equal(
    readDiskError(kmsg("critical space allocation error, dev sda, sector 9"), "sda"),
    "critical space allocation error",
  );
  assert.equal(readDiskError(error, "sdb"), undefined);
  assert.equal(readDiskError(kmsg("sda: sda1 sda2"), "sda"), undefined);
});
