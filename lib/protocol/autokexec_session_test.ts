import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import {
  type AutokexecAction,
  type AutokexecEvent,
  type AutokexecState,
  DECLINE_MS,
  presenceOf,
  stepAutokexec,
} from "./autokexec_session.ts";

const claim: AutokexecEvent = { kind: "triggered", trigger: { kind: "claim", desktopName: "tower" } };
const card: AutokexecEvent = { kind: "triggered", trigger: { kind: "card", mac: "52:54:00:00:00:01" } };
const [loaded, over, cancelled, stopped] = (["loaded", "countdown-over", "cancelled", "stopped"] as const)
  .map((kind) => ({ kind }) as AutokexecEvent) as [AutokexecEvent, AutokexecEvent, AutokexecEvent, AutokexecEvent];
const loadFailed: AutokexecEvent = { kind: "load-failed", message: "No such file" };
const executeFailed: AutokexecEvent = { kind: "execute-failed", message: "It goes on" };

/** Plays events one after the other, a millisecond apart. */
function play(
  events: readonly AutokexecEvent[],
  { countdownSeconds = 10, state = { name: "listening" }, startMs = 0 }: {
    readonly countdownSeconds?: number;
    readonly state?: AutokexecState;
    readonly startMs?: number;
  } = {},
): { readonly state: AutokexecState; readonly actions: readonly AutokexecAction[]; readonly kinds: readonly string[] } {
  const actions: AutokexecAction[] = [];
  let current = state;
  for (const [index, event] of events.entries()) {
    const step = stepAutokexec(current, event, { nowMs: startMs + index, countdownSeconds });
    current = step.state;
    actions.push(...step.actions);
  }
  return { state: current, actions, kinds: actions.map(({ kind }) => kind) };
}

Deno.test("a claim loads, announces, counts down and executes, in this order", () => {
  const { kinds, actions, state } = play([claim, loaded, over]);
  assert.deepEqual(kinds, ["report", "load", "announce", "start-countdown", "report", "execute"]);
  assert.deepEqual(actions[2], {
    kind: "announce",
    text:
      `The desktop "tower" asks for this computer's disk.\nThe computer restarts as a stiefelsystem in 10 seconds.\n` +
      "To prevent that: sudo systemctl stop stiefel-autokexec",
    isCancellable: true,
  });
  assert.deepEqual(actions[3], { kind: "start-countdown", seconds: 10 });
  assert.equal(state.name, "executing");
});

Deno.test("a network card does the same, and without a countdown no user is asked", () => {
  const { actions } = play([card, loaded, over], { countdownSeconds: 0 });
  assert.deepEqual(actions.find(({ kind }) => kind === "announce"), {
    kind: "announce",
    text: "The network card 52:54:00:00:00:01 was plugged in.\nThe computer restarts as a stiefelsystem now.",
    isCancellable: false,
  });
});

Deno.test("further claims change nothing, whatever the agent is doing", () => {
  for (const events of [[claim], [claim, loaded], [claim, loaded, over]]) {
    const { state, kinds } = play(events);
    assert.deepEqual(play([claim, card, claim], { state }), { state, actions: [], kinds: [] }, kinds.join());
    assert.equal(presenceOf(state, 0), "installed-os");
  }
});

Deno.test("what cannot be loaded is reported and shuts nothing down; a no unloads and is announced", () => {
  const failed = play([claim, loadFailed, over, loaded]);
  assert.deepEqual(failed.kinds, ["report", "load", "unload", "report"]);
  assert.deepEqual(failed.actions.at(-1), { kind: "report", text: "Nothing is restarted: No such file" });
  const declined = play([claim, loaded, cancelled, over]);
  assert.deepEqual(declined.kinds.slice(-3), ["start-countdown", "unload", "announce"]);
  const stuck = play([claim, loaded, over, executeFailed]);
  assert.deepEqual(stuck.kinds.slice(-3), ["unload", "report", "announce"]);
  for (const { state } of [failed, declined, stuck]) assert.equal(state.name, "declining");
});

Deno.test("a laptop that declines hears no desktop until its time is over", () => {
  const { state } = play([claim, loaded, cancelled]); // at 2 ms
  const endMs = DECLINE_MS + 2;
  assert.equal(presenceOf(state, endMs - 1), "declining");
  assert.deepEqual(play([claim], { state, startMs: endMs - 1 }).actions, []);
  assert.equal(presenceOf(state, endMs), "installed-os");
  assert.deepEqual(play([claim], { state, startMs: endMs }).kinds, ["report", "load"]);
});

Deno.test("the end of the service takes the image out again, but not when the shutdown itself ends it", () => {
  assert.deepEqual(play([claim, stopped]).kinds, ["report", "load", "unload"]);
  assert.deepEqual(play([claim, loaded, stopped]).kinds.slice(-2), ["unload", "announce"]);
  assert.ok(!play([claim, loaded, over, stopped]).kinds.includes("unload"));
  assert.deepEqual(play([stopped]).actions, []);
});

Deno.test("whatever happens in whatever order, nothing is executed that was not loaded and announced since", () => {
  const random = createSeededRandom(4645);
  const events = [claim, card, loaded, loadFailed, over, cancelled, executeFailed, stopped];
  let executed = 0;
  for (let run = 0; run < 2000; run++) {
    const { kinds } = play(Array.from({ length: 1 + random.below(30) }, () => random.pick(events)));
    let since: string[] = [];
    for (const kind of kinds) {
      if (kind === "execute") {
        executed++;
        assert.deepEqual(since.filter((one) => one !== "report"), ["load", "announce", "start-countdown"]);
      }
      // an announcement after an unload says that it is off
      since = kind === "load" ? [kind] : kind === "unload" ? [] : [...since, kind];
    }
  }
  assert.ok(executed > 50, "hardly any run came so far");
});
