import assert from "node:assert/strict";
import {
  archive as archiveMessage,
  hello,
  passphrase,
  session,
  welcome,
} from "../../tests/support/protocol_samples.ts";
import { ProtocolError } from "../errors.ts";
import { type ClientMessage, formatServerMessage } from "./boot_exchange.ts";
import {
  SERVER_WAIT_MS,
  type ServerAction,
  type ServerEvent,
  type ServerState,
  startServerSession,
  stepServerSession,
} from "./server_session.ts";

const { kind: _, ...archive } = archiveMessage;

const received = (message: ClientMessage): ServerEvent => ({ kind: "received", message });
const { kind: __, ...welcomed } = welcome;
const admitted: ServerEvent = { kind: "admitted", ...welcomed };
const opened: ServerEvent = { kind: "entry-opened", archive };
const streamed: ServerEvent = { kind: "streamed" };
const exported: ServerEvent = { kind: "export-started" };
const acknowledged = received({ kind: "ack", ok: true });

const happy: readonly ServerEvent[] = [
  received(hello),
  admitted,
  received({ kind: "request" }),
  opened,
  streamed,
  exported,
  acknowledged,
];

function play(
  events: readonly ServerEvent[],
): { readonly state: ServerState; readonly actions: readonly ServerAction[] } {
  let { state, actions } = startServerSession();
  const all = [...actions];
  for (const event of events) {
    ({ state, actions } = stepServerSession(state, event));
    all.push(...actions);
  }
  // Whatever is sent can be written.
  for (const action of all) if (action.kind === "send") formatServerMessage(action.message);
  return { state, actions: all };
}

function failureCode(events: readonly ServerEvent[]): string {
  const { state, actions } = play(events);
  assert(state.name === "failed", state.name);
  assert.deepEqual(actions.at(-1), { kind: "fail", failure: state.failure });
  return state.failure.code;
}

function lastSent(actions: readonly ServerAction[]): unknown {
  const action = actions.findLast((one) => one.kind === "send");
  return action?.kind === "send" ? action.message : undefined;
}

Deno.test("a server that gets everything in order serves", () => {
  const { state, actions } = play(happy);
  assert.deepEqual(state, { name: "serving", hello, session });
  assert.deepEqual(actions, [
    { kind: "admit", hello },
    { kind: "send", message: welcome },
    { kind: "open-boot-entry" },
    { kind: "send", message: archiveMessage },
    { kind: "stream-archive", archive: archiveMessage },
    { kind: "send", message: { kind: "end" } },
    { kind: "start-export", session },
    { kind: "send", message: { kind: "ready" } },
  ]);
});

Deno.test("a server that misses any one step, or gets it twice, does not export, or no client boots from it", () => {
  for (let skipped = 0; skipped < happy.length - 1; skipped++) {
    const events = happy.toSpliced(skipped, 1);
    assert.equal(failureCode(events), "unexpected", `without step ${skipped}`);
    const { actions } = play(events);
    if (skipped < 5) assert(!actions.some((action) => action.kind === "start-export"));
    assert(!actions.some((action) => action.kind === "send" && action.message.kind === "ready"));
  }
  for (const [index, event] of happy.slice(0, -1).entries()) {
    assert.equal(failureCode(happy.toSpliced(index, 0, event)), "unexpected", `step ${index} twice`);
  }
});

Deno.test("a hello of another date is refused by what is unknown in it; any other bad one gets no answer", () => {
  for (const code of ["unknown-version", "unknown-group"] as const) {
    const error = new ProtocolError(code, 'The hello has a group "tunnel"');
    const { state, actions } = play([{ kind: "protocol-error", error }]);
    assert.deepEqual(lastSent(actions), { kind: "refuse", code: "other-version", message: error.message });
    assert.deepEqual(state, { name: "failed", failure: { code, message: error.message } });
  }
  const malformed = new ProtocolError("malformed", "x");
  assert.equal(lastSent(play([{ kind: "protocol-error", error: malformed }]).actions), undefined);
});

Deno.test("three passphrases may be tried, then no more", () => {
  const needed: ServerEvent = { ...admitted, needsPassphrase: true } as ServerEvent;
  const request = received({ kind: "request", passphrase });
  const rejected: ServerEvent = { kind: "passphrase-rejected" };
  const begin = [received(hello), needed];
  const third = play([...begin, request, rejected, request, rejected, request, ...happy.slice(3)]);
  assert.equal(third.state.name, "serving");
  assert.deepEqual(third.actions.filter((action) => action.kind === "open-boot-entry"), [
    { kind: "open-boot-entry", passphrase },
    { kind: "open-boot-entry", passphrase },
    { kind: "open-boot-entry", passphrase },
  ]);
  const tooMany = [...begin, request, rejected, request, rejected, request, rejected];
  assert.equal(failureCode(tooMany), "passphrase-wrong");
  assert.deepEqual(play(tooMany.slice(0, -2)).actions.at(-1), {
    kind: "send",
    message: { kind: "passphrase-wrong", triesLeft: 1 },
  });
  assert.equal(failureCode([...begin, received({ kind: "request" })]), "unexpected");
  assert.equal(failureCode([received(hello), admitted, request]), "unexpected");
  // No state holds on to the passphrase.
  assert(!JSON.stringify(play([...begin, request]).state).includes(passphrase));
});

Deno.test("the server tells the client why it refuses", () => {
  const refused: ServerEvent = {
    kind: "refused",
    code: "busy",
    message: "Another desktop has the disk\n",
    holder: "tower\x1b[2J",
  };
  for (const done of [1, 3, 4, 5]) {
    const { state, actions } = play([...happy.slice(0, done), refused]);
    assert.equal(state.name, "failed");
    assert.deepEqual(lastSent(actions), {
      kind: "refuse",
      code: "busy",
      message: "Another desktop has the disk?",
      holder: "tower?[2J",
    });
  }
  for (const done of [1, 2, 3, 4, 5, 6]) {
    const events: ServerEvent[] = [...happy.slice(0, done), { kind: "local-failure", message: "It broke" }];
    assert.equal(failureCode(events), "local-failure");
    assert.deepEqual(lastSent(play(events).actions), { kind: "refuse", code: "internal", message: "It broke" });
  }
});

Deno.test("what a disk calls itself is made fit to be shown, what cannot be said ends the exchange", () => {
  const disk = { model: "Evil\x1b[2J" + "x".repeat(100), name: "sda\n", sizeBytes: 1 };
  const { state, actions } = play([received(hello), { kind: "admitted", needsPassphrase: false, disk }]);
  assert.equal(state.name, "awaiting-request");
  assert.deepEqual(lastSent(actions), {
    kind: "welcome",
    needsPassphrase: false,
    disk: { sizeBytes: 1, name: "sda?", model: `Evil?[2J${"x".repeat(56)}` },
  });
  const notices = Array.from({ length: 20 }, () => "x".repeat(1000));
  assert.equal(
    play([...happy.slice(0, 3), { kind: "entry-opened", archive: { ...archive, notices } }]).state.name,
    "streaming",
  );
  const tooLong: ServerEvent = { kind: "entry-opened", archive: { ...archive, commandLine: "x".repeat(3000) } };
  assert.equal(failureCode([...happy.slice(0, 3), tooLong]), "internal");
});

Deno.test("what a kernel's file calls its signers is made fit to be shown and bounded; the last one stays", () => {
  const names = [...Array.from({ length: 9 }, (_, index) => `Signer ${index}`), `Evil\x1b[2J${"x".repeat(200)}`];
  const keyIds = ["ab".repeat(100), ...Array.from({ length: 20 }, (_, index) => `${10 + index}`)];
  const kernelSignature = { kind: "signed", names, keyIds } as const;
  const { actions } = play([received(hello), { kind: "admitted", ...welcomed, kernelSignature }]);
  const sent = lastSent(actions);
  assert.deepEqual(sent, {
    ...welcome,
    kernelSignature: {
      kind: "signed",
      names: [...names.slice(2, 9), `Evil?[2J${"x".repeat(120)}`],
      keyIds: keyIds.slice(1, 17),
    },
  });
  const { kernelSignature: _none, ...rest } = welcomed;
  assert.ok(
    !("kernelSignature" in (lastSent(play([received(hello), { kind: "admitted", ...rest }]).actions) as object)),
  );
});

Deno.test("a client that gives up is believed in place of its request, and from the archive on", () => {
  const givesUp = received({ kind: "ack", ok: false, message: "Not enough memory" });
  for (const done of [2, 4, 5, 6]) assert.equal(failureCode([...happy.slice(0, done), givesUp]), "peer-failure");
  for (const done of [0, 1, 3]) assert.equal(failureCode([...happy.slice(0, done), givesUp]), "unexpected");
});

Deno.test("trouble with the connection ends the exchange in every state, and nothing more is sent", () => {
  const cases: readonly [ServerEvent, string][] = [
    [{ kind: "closed" }, "closed"],
    [{ kind: "timeout" }, "timeout"],
    [{ kind: "protocol-error", error: new ProtocolError("bad-tag", "x") }, "bad-tag"],
  ];
  for (const [event, code] of cases) {
    for (let done = 0; done < happy.length; done++) {
      assert.equal(failureCode([...happy.slice(0, done), event]), code);
      const before = play(happy.slice(0, done)).actions.length;
      assert.equal(play([...happy.slice(0, done), event]).actions.length, before + 1);
    }
  }
});

Deno.test("nothing happens after the end", () => {
  for (const events of [happy, [exported]]) {
    const { state } = play(events);
    for (const event of happy) assert.deepEqual(stepServerSession(state, event), { state, actions: [] });
  }
});

Deno.test("every wait is bounded", () => {
  for (const [name, waitMs] of Object.entries(SERVER_WAIT_MS)) {
    assert(Number.isFinite(waitMs) || name === "serving" || name === "failed", name);
  }
});
