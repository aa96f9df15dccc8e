import assert from "node:assert/strict";
import { StoppedByUser, UserError } from "../../errors.ts";
import { formatStatus } from "../../formats/status.ts";
import { reportInFull } from "../../../agents/server/status_report.ts";
import { createScriptedUi } from "../../../tests/support/host_rig.ts";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { lentFacts } from "../../../tests/support/status_samples.ts";
import { release, type ReleaseOptions } from "./release.ts";
import { showStatus, type StatusNetwork } from "./status.ts";

const state = "STIEFEL_VERSION=1\nSTIEFEL_STATUS_ADDRESS=fd01::1\n";
const locks = '{"type":"a(ssssuu)","data":[[["shutdown:sleep","apt","Installing","block",0,7]]]}';

interface Scene {
  readonly answers?: Parameters<typeof createScriptedUi>[0];
  readonly files?: Readonly<Record<string, string>>;
  readonly inhibitors?: string;
  readonly onEnd?: "reboot" | "poweroff" | "wait";
  readonly isSilent?: boolean;
  readonly options?: ReleaseOptions;
}

async function run(scene: Scene): Promise<{ readonly said: string; readonly system: MemorySystem }> {
  const system = createMemorySystem({
    files: scene.files ?? { "/run/stiefelsystem/session.state": state, "/run/systemd/system/x": "" },
    commands: [
      ([program]) => program === "busctl" ? scene.inhibitors ?? '{"data":[[]]}' : undefined,
      (argv) => argv.join(" ") === "systemctl poweroff" ? "" : undefined,
    ],
  });
  const ui = createScriptedUi(scene.answers ?? []);
  const text = formatStatus(reportInFull({ ...lentFacts, onEnd: scene.onEnd ?? "reboot" }));
  const ask = (): Promise<string> => scene.isSilent ? Promise.reject(new Error("no answer")) : Promise.resolve(text);
  await release(system, ui, scene.options, ask);
  return { said: ui.said.join("\n"), system };
}

/** Nothing of the kernel's files. */
const grep = ([program]: readonly string[]): string | undefined => program === "grep" ? "" : undefined;

const answering = (ask: StatusNetwork["ask"]): StatusNetwork => ({
  ask,
  measureRoundTrip: () => Promise.resolve(0.4321),
});

const hasShutDown = (system: MemorySystem): boolean => system.ran.some(([program]) => program === "systemctl");

Deno.test("release tells what happens, asks, and shuts down", async () => {
  const ends = [["reboot", /starts its own system/], ["poweroff", /switches itself off/], [
    "wait",
    /waits for the next/,
  ]] as const;
  for (const [onEnd, words] of ends) {
    const { said, system } = await run({ answers: ["yes"], onEnd });
    assert.match(said, /shuts down in order[^]*"thinkpad" learns of it/);
    assert.match(said, words);
    assert.ok(hasShutDown(system));
  }
  const { said } = await run({ answers: ["yes"], isSilent: true });
  assert.match(said, /does not answer right now/);
});

Deno.test("release shuts nothing down on no, on --dry-run, while a program blocks it, and elsewhere", async () => {
  await assert.rejects(run({ answers: ["skip"] }), StoppedByUser);
  assert.ok(!hasShutDown((await run({ options: { dryRun: true } })).system));
  const refused = async (scene: Scene, words: RegExp): Promise<void> => {
    await assert.rejects(run(scene), (error) => error instanceof UserError && words.test(error.message));
  };
  await refused({ inhibitors: locks }, /"apt" blocks a shutdown now: Installing/);
  await refused({ files: {} }, /does not run from the disk of a laptop/);
  await refused({ files: { "/run/stiefelsystem/session.state": state } }, /does not run systemd/);
  await refused({ files: { "/run/stiefelsystem/session.state": "STIEFEL_VERSION=1\n" } }, /older than this command/);
  const ofEngine = "STIEFEL_VERSION=1\nSTIEFEL_TRANSPORT=nvme-engine\n";
  await refused({ files: { "/run/stiefelsystem/session.state": ofEngine } }, /is that of a storage system/);
});

Deno.test("status opens the page in the user's session, and names the address where it cannot", async () => {
  const files = { "/run/stiefelsystem/session.state": state };
  const opened: (readonly string[])[] = [];
  const system = createMemorySystem({
    files,
    commands: [(argv) => argv[0] === "xdg-open" ? (opened.push(argv), "") : undefined],
  });
  await showStatus(system, createScriptedUi([]), { openWith: { DISPLAY: ":0" } });
  assert.deepEqual(opened, [["xdg-open", "http://[fd01::1]:4645/"]]);
  const without = createMemorySystem({ files, commands: [] });
  await assert.rejects(
    showStatus(without, createScriptedUi([]), { openWith: {} }),
    (error) => error instanceof UserError && error.hints.some((hint) => hint.includes("http://[fd01::1]:4645/")),
  );
  const linkLocal = createMemorySystem({
    files: { "/run/stiefelsystem/session.state": "STIEFEL_STATUS_ADDRESS=fe80::1%stiefel0\n" },
    commands: [],
  });
  await assert.rejects(showStatus(linkLocal, createScriptedUi([]), { openWith: {} }), /it is one of a link/);
});

Deno.test("status says in what way a laptop does not answer", async () => {
  const system = createMemorySystem({ files: { "/run/stiefelsystem/session.state": state }, commands: [grep] });
  const shown: string[] = [];
  const ui = { ...createScriptedUi([]), result: (text: string) => void shown.push(text) };
  await assert.rejects(
    showStatus(system, ui, {}, answering(() => Promise.reject(new Error("no route")))),
    /\[fd01::1\]:4645: no route/,
  );
  await assert.rejects(
    showStatus(system, ui, {}, answering(() => Promise.resolve("{}"))),
    /in a form that this version does not know/,
  );
  // What the desktop itself knows is worth more then.
  assert.match(shown[0] ?? "", /^Round trip +0\.43 ms$/);
});

Deno.test("status tells what the laptop says and what the desktop sees, with a rate from a second look", async () => {
  const files = {
    "/run/stiefelsystem/session.state": `${state}STIEFEL_DISK=/dev/nvme0n1\nSTIEFEL_TRANSPORT=nvme-tcp\n`,
  };
  const system = { ...createMemorySystem({ files, commands: [grep] }), delay: () => Promise.resolve() };
  const shown: string[] = [];
  const ui = { ...createScriptedUi([]), result: (text: string) => void shown.push(text) };
  const full = reportInFull(lentFacts);
  const { traffic, ...rest } = full.details ?? assert.fail();
  assert.ok(traffic);
  const { readBytesPerSecond: _read, writtenBytesPerSecond: _written, ...first } = traffic;
  const answers = [{ ...full, details: { ...rest, traffic: first } }, full].map(formatStatus);
  await showStatus(system, ui, {}, answering(() => Promise.resolve(answers.shift() ?? assert.fail())));
  assert.deepEqual(answers, []);
  const text = shown.join("\n");
  assert.match(text, /^Laptop +thinkpad\nState +.*\nDisk +Samsung SSD 980 \(/);
  assert.match(text, /^Connection +up, nvme-tcp, encrypted$/m);
  assert.match(text, /^Read +7\.3 GB, now 213 MB\/s$/m);
  assert.match(
    text,
    /^Page +http:\/\/\[fd01::1\]:4645\/\nDisk here +\/dev\/nvme0n1 by nvme-tcp, not encrypted$/m,
  );
  assert.match(text, /^Round trip +0\.43 ms$/m);
  assert.match(text, /^Not as there +an initramfs that is built here is one for any machine/m);
});

Deno.test("status --json passes on what it does not know, and no character that moves a cursor", async () => {
  const system = createMemorySystem({ files: { "/run/stiefelsystem/session.state": state }, commands: [] });
  const shown: string[] = [];
  const ui = { ...createScriptedUi([]), result: (text: string) => void shown.push(text) };
  const newer = { version: 1, name: "laptop", state: "busy", newer: "\u009b2J\u202e\u{e0041}", count: 7 };
  const text = `\r\n ${JSON.stringify(newer, null, 1)}\r`;
  await showStatus(system, ui, { isJson: true }, answering(() => Promise.resolve(text)));
  assert.match(shown.join("\n"), /^[ -~]+$/);
  assert.deepEqual(JSON.parse(shown.join("")), newer);
});
