import assert from "node:assert/strict";
import { archive, hello, passphrase, welcome } from "../../tests/support/protocol_samples.ts";
import { ProtocolError } from "../errors.ts";
import type { ServerMessage } from "./boot_exchange.ts";
import {
  CLIENT_WAIT_MS,
  type ClientAction,
  type ClientEvent,
  type ClientState,
  startClientSession,
  stepClientSession,
} from "./client_session.ts";

const received = (message: ServerMessage): ClientEvent => ({
  kind: "received",
  plaintext: { kind: "control", message },
});
const piece = (sizeBytes: number): ClientEvent => ({
  kind: "received",
  plaintext: { kind: "data", bytes: new Uint8Array(sizeBytes) },
});
const reviewed: ClientEvent = { kind: "reviewed" };
const finished: ClientEvent = { kind: "finished" };
const end = received({ kind: "end" });
const ready = received({ kind: "ready" });

/** Archive: kernel 5 bytes, initramfs 7. */
const happy: readonly ClientEvent[] = [
  received(welcome),
  reviewed,
  received(archive),
  piece(5),
  piece(3),
  piece(4),
  end,
  finished,
  ready,
];

function play(
  events: readonly ClientEvent[],
): { readonly state: ClientState; readonly actions: readonly ClientAction[] } {
  let { state, actions } = startClientSession(hello);
  const all = [...actions];
  for (const event of events) {
    ({ state, actions } = stepClientSession(state, event));
    all.push(...actions);
  }
  return { state, actions: all };
}

function failureCode(events: readonly ClientEvent[]): string {
  const { state, actions } = play(events);
  assert(state.name === "failed", state.name);
  assert.deepEqual(actions.at(-1), { kind: "fail", failure: state.failure });
  assert(!actions.some((action) => action.kind === "boot"));
  return state.failure.code;
}

Deno.test("a client that gets everything in order boots", () => {
  const { state, actions } = play(happy);
  assert.equal(state.name, "booting");
  assert.deepEqual(actions, [
    { kind: "send", message: hello },
    { kind: "review", welcome },
    { kind: "send", message: { kind: "request" } },
    { kind: "prepare", archive },
    { kind: "store", part: "kernel", bytes: new Uint8Array(5) },
    { kind: "store", part: "initramfs", bytes: new Uint8Array(3) },
    { kind: "store", part: "initramfs", bytes: new Uint8Array(4) },
    { kind: "finish", archive },
    { kind: "send", message: { kind: "ack", ok: true } },
    { kind: "boot", archive },
  ]);
});

Deno.test("the laptop's boot loaders come after kernel and initramfs, each to the last byte", () => {
  const whole = { ...archive, chain: { directory: "debian", shimBytes: 3, grubBytes: 2 } };
  const start = [...happy.slice(0, 2), received(whole), ...happy.slice(3, 6)];
  const { state, actions } = play([...start, piece(1), piece(2), piece(2), ...happy.slice(6)]);
  assert.equal(state.name, "booting");
  const parts = actions.flatMap((action) => action.kind === "store" ? [`${action.part} ${action.bytes.length}`] : []);
  assert.deepEqual(parts, ["kernel 5", "initramfs 3", "initramfs 4", "shim 1", "shim 2", "grub 2"]);
  assert.equal(failureCode([...start, end]), "truncated");
  assert.equal(failureCode([...start, piece(4)]), "oversize");
  assert.equal(failureCode([...start, piece(3), piece(3)]), "oversize");
});

Deno.test("a client that misses any one step, or gets it twice, does not boot", () => {
  for (let skipped = 0; skipped < happy.length - 1; skipped++) {
    assert(
      ["unexpected", "truncated", "oversize"].includes(failureCode(happy.toSpliced(skipped, 1))),
      `without step ${skipped}`,
    );
  }
  for (const [index, event] of happy.slice(0, -1).entries()) {
    assert(["unexpected", "oversize"].includes(failureCode(happy.toSpliced(index, 0, event))), `step ${index} twice`);
  }
});

Deno.test("a passphrase is asked for as often as the server allows", () => {
  const needed = received({ ...welcome, needsPassphrase: true });
  const typed: ClientEvent = { kind: "passphrase", passphrase };
  const wrong = (triesLeft: number): ClientEvent => received({ kind: "passphrase-wrong", triesLeft });
  const { state, actions } = play([needed, reviewed, typed, wrong(2), typed, wrong(1), typed, ...happy.slice(2)]);
  assert.equal(state.name, "booting");
  assert.deepEqual(actions.filter((action) => action.kind === "ask-passphrase"), [
    { kind: "ask-passphrase", triesLeft: 3, isRetry: false },
    { kind: "ask-passphrase", triesLeft: 2, isRetry: true },
    { kind: "ask-passphrase", triesLeft: 1, isRetry: true },
  ]);
  const refusal = received({ kind: "refuse", code: "passphrase-wrong", message: "The passphrase was wrong too often" });
  assert.equal(failureCode([needed, reviewed, typed, wrong(2), typed, wrong(1), typed, refusal]), "passphrase-wrong");
  // A server that never stops asking, or asks for what it said it would not.
  assert.equal(failureCode([needed, reviewed, typed, wrong(3)]), "unexpected");
  assert.equal(failureCode([received(welcome), reviewed, wrong(1)]), "unexpected");
});

Deno.test("a client tells the server why it does not go on: before its request, or in the middle of a transfer", () => {
  const cases: readonly [readonly ClientEvent[], string][] = [
    [[...happy.slice(0, 5), end], "truncated"],
    [[...happy.slice(0, 3), end], "truncated"],
    [[...happy.slice(0, 3), piece(6)], "oversize"],
    [[...happy.slice(0, 6), piece(1)], "oversize"],
    [[...happy.slice(0, 1), { kind: "local-failure", message: "Its kernel is not trusted here" }], "local-failure"],
    [[received({ ...welcome, needsPassphrase: true }), reviewed, { kind: "timeout" }], "timeout"],
    [[...happy.slice(0, 7), { kind: "local-failure", message: "No space left on device" }], "local-failure"],
    [[...happy.slice(0, 4), { kind: "local-failure", message: "No space left on device" }], "local-failure"],
    [[...happy.slice(0, 4), { kind: "timeout" }], "timeout"],
  ];
  for (const [events, code] of cases) {
    assert.equal(failureCode(events), code);
    const told = play(events).actions.at(-2);
    assert(told?.kind === "send" && told.message.kind === "ack" && !told.message.ok, code);
  }
});

Deno.test("a refusal ends the exchange in every state, with the server's reason", () => {
  const refusal = received({ kind: "refuse", code: "busy", message: "Another desktop has the disk", holder: "tower" });
  for (let done = 0; done < happy.length; done++) {
    const { state } = play([...happy.slice(0, done), refusal]);
    assert(state.name === "failed");
    assert.deepEqual(state.failure, { code: "busy", message: "Another desktop has the disk", holder: "tower" });
  }
});

Deno.test("trouble with the connection ends the exchange in every state", () => {
  const cases: readonly [ClientEvent, string][] = [
    [{ kind: "closed" }, "closed"],
    [{ kind: "timeout" }, "timeout"],
    [{ kind: "protocol-error", error: new ProtocolError("bad-tag", "x") }, "bad-tag"],
    [{ kind: "local-failure", message: "x" }, "local-failure"],
  ];
  for (const [event, code] of cases) {
    for (let done = 0; done < happy.length; done++) assert.equal(failureCode([...happy.slice(0, done), event]), code);
  }
});

Deno.test("nothing happens after the end", () => {
  for (const events of [happy, [ready]]) {
    const { state } = play(events);
    for (const event of happy) assert.deepEqual(stepClientSession(state, event), { state, actions: [] });
  }
});

Deno.test("every wait is bounded", () => {
  for (const [name, waitMs] of Object.entries(CLIENT_WAIT_MS)) {
    assert(Number.isFinite(waitMs) || name === "booting" || name === "failed", name);
  }
});
