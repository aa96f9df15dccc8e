import assert from "node:assert/strict";
import { createConsole, NoTerminal, type Terminal } from "../shared/console.ts";
import { askForLaptop, chooseAlone, formatLaptops, formatPrompt, readChoice } from "./choose_laptop.ts";
import type { HeardLaptop } from "./heard_laptops.ts";
import type { LaptopSearch } from "./search.ts";

const laptop = (name: string, state: HeardLaptop["state"], address = `fe80::${name}`): HeardLaptop => ({
  name,
  state,
  place: { address, linkName: "eth0", mac: "02:00:00:00:00:01" },
  heardMs: 0,
  nonce: "",
  fastest: { place: { address, linkName: "eth0", mac: "02:00:00:00:00:01" }, heardMs: 0 },
});
const thinkpad = laptop("thinkpad", "serving");
const old = laptop("old dell", "installed-os");
const lent = laptop("elitebook", "busy");
const laptops = [thinkpad, old, lent];

Deno.test("the list of laptops is text for 80 columns", () => {
  assert.deepEqual(formatLaptops(laptops), [
    "3 laptops answer:",
    "   1  thinkpad   waits for a desktop (link eth0)",
    "   2  old dell   runs its own system: it would be asked to restart (link eth0)",
    "   3  elitebook  has lent its disk to a desktop (link eth0)",
  ]);
  assert.equal(formatPrompt(laptops, undefined), "Which one? Its number: ");
  assert.equal(formatPrompt(laptops, old), "Which one? Its number (Enter, or no key for 10 s: 2, old dell): ");
});

Deno.test("a choice is a number of the list or a name, Enter the default, and anything else none", () => {
  const cases:
    readonly (readonly [typed: string, byDefault: HeardLaptop | undefined, wanted: HeardLaptop | undefined])[] = [
      ["1", undefined, thinkpad],
      [" 3 ", undefined, lent],
      ["old dell", undefined, old],
      ["", old, old],
      ["", undefined, undefined],
      ["0", old, undefined],
      ["4", old, undefined],
      ["01", old, undefined],
      ["-1", old, undefined],
      ["1e0", old, undefined],
      ["1.0", old, undefined],
      ["１", old, undefined],
      ["12", old, undefined],
      ["99999999999999999999", old, undefined],
      ["y", old, undefined],
      ["Thinkpad", old, undefined],
      ["think", old, undefined],
    ];
  for (const [typed, byDefault, wanted] of cases) assert.equal(readChoice(typed, laptops, byDefault), wanted, typed);
  const twins = [laptop("twin", "serving", "fe80::1"), laptop("twin", "serving", "fe80::2")];
  assert.equal(readChoice("twin", twins, undefined), undefined);
  assert.equal(readChoice("2", twins, undefined), twins[1]);
});

Deno.test("a laptop with a key of its own on the stick is named by that key, whatever it calls itself", async () => {
  const honest = { ...laptop("bell-x1", "serving"), keyName: "bell" };
  // A laptop that has the key "bell" can say any name.
  const poser = { ...laptop("thinkpad", "serving", "fe80::9"), keyName: "bell" };
  assert.deepEqual(formatLaptops([thinkpad, honest, poser]).slice(1), [
    "   1  thinkpad  waits for a desktop (link eth0)",
    "   2  bell-x1   waits for a desktop (link eth0, key bell)",
    "   3  thinkpad  waits for a desktop (link eth0, key bell)",
  ]);
  assert.equal(readChoice("bell", [thinkpad, honest], undefined), honest);
  assert.equal(readChoice("bell-x1", [thinkpad, honest], undefined), honest);
  const prompt = formatPrompt([thinkpad, honest], honest);
  assert.equal(prompt, "Which one? Its number (Enter, or no key for 10 s: 2, bell): ");
  const search = (): LaptopSearch => searchOf([poser, honest, thinkpad]);
  const own = await play({ search: search(), preferred: "thinkpad" });
  assert.deepEqual(own[0], { name: "thinkpad" }, "the poser is not the default");
  const byKey = await play({ search: search(), preferred: "bell", preferredKey: "bell", answers: [type("2")] });
  assert.deepEqual(byKey[0], { name: "bell-x1", keyName: "bell" });
  assert.doesNotMatch(byKey[1], /--laptop/);
  const typed = await play({ search: search(), answers: [type("2")] });
  assert.match(typed[1], /setup-client-usbdrive --laptop bell\n$/);
  const fake = { ...laptop("bell", "serving"), place: { ...thinkpad.place, linkName: "eth1" } };
  const both = await play({ search: searchOf([fake, honest]), preferred: "bell", preferredKey: "bell" });
  assert.deepEqual(both[0], { name: "bell-x1", keyName: "bell" }, "the name alone does not do");
});

Deno.test("where no person can be asked the default is taken, or what need not wait", () => {
  assert.equal(chooseAlone(laptops, lent), lent);
  assert.equal(chooseAlone(laptops, undefined), thinkpad);
  assert.equal(chooseAlone([lent, old], undefined), old);
  assert.equal(chooseAlone([lent], undefined), lent);
  assert.equal(chooseAlone([], undefined), undefined);
});

/** A search that has found these, and more when they are added. */
function searchOf(found: HeardLaptop[]): LaptopSearch & { readonly add: (more: HeardLaptop) => void } {
  let changed = Promise.withResolvers<void>();
  return {
    outcome: Promise.resolve({ kind: "several" }),
    candidates: () => [...found],
    othersThan: () => [],
    quieten: () => {},
    watchLink: () => new AbortController().signal,
    links: () => [],
    waitForMore: async (count) => {
      while (found.length <= count) await changed.promise;
    },
    add: (more) => {
      found.push(more);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Scene {
  readonly search?: LaptopSearch;
  readonly preferred?: string;
  readonly preferredKey?: string;
  /** Each question is answered by the next one. */
  readonly answers?: readonly NonNullable<Terminal["readLine"]>[];
}

async function play(
  { search = searchOf([...laptops]), preferred, preferredKey, answers }: Scene,
): Promise<readonly [unknown, string]> {
  const lines: string[] = [];
  const left = [...answers ?? []];
  const console = createConsole({
    terminal: {
      write: (text) => void lines.push(text),
      canRedraw: false,
      ...answers === undefined ? {} : {
        readLine: (prompt, signal, onKey) => {
          lines.push(`${prompt}\n`);
          const answer = left.shift();
          return answer === undefined
            ? Promise.reject(new Error("One question too many"))
            : answer(prompt, signal, onKey);
        },
      },
    },
    monotonicMs: () => 0,
  });
  const { signal } = new AbortController();
  const chosen = await askForLaptop(search, { console, signal, preferred, preferredKey }).catch((error) => error);
  return [chosen, lines.join("")];
}

const type = (text: string) => (): Promise<string> => Promise.resolve(text);
const untilOver: NonNullable<Terminal["readLine"]> = (_prompt, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

Deno.test("a wrong answer is answered, and the list is shown again", async () => {
  const [chosen, shown] = await play({ answers: [type("7"), type("what\x1b[2J"), type(""), type("2")] });
  assert.deepEqual(chosen, { name: "old dell" });
  assert.match(shown, /"7" is not in the list: type a number from 1 to 3\n/);
  assert.match(shown, /"what\?\[2J" is not in the list/);
  assert.equal(shown.match(/^3 laptops answer:$/gm)?.length, 4);
  assert.match(shown, /setup-client-usbdrive --laptop 'old dell'\n$/);
});

Deno.test("whatever is typed is an answer: no word of it means anything else", async () => {
  const named: readonly HeardLaptop[] = ["another", "another-answers", "none"].map((name, index) => {
    const laptop = laptops[index];
    assert.ok(laptop !== undefined);
    return { ...laptop, name };
  });
  for (const { name } of named) {
    const [chosen] = await play({ search: searchOf([...named]), preferred: "else", answers: [type(name)] });
    assert.deepEqual(chosen, { name });
  }
});

Deno.test("the default is taken by Enter, and nothing is said about keeping it", async () => {
  const [chosen, shown] = await play({ preferred: "old_dell", answers: [type("")] });
  assert.deepEqual(chosen, { name: "old dell" });
  assert.doesNotMatch(shown, /--laptop/);
});

Deno.test("without a terminal, and when it is gone, the default is taken, or the first that serves", async () => {
  for (const answers of [undefined, [() => Promise.reject(new NoTerminal())]]) {
    const kept = await play({ preferred: "elitebook", ...answers === undefined ? {} : { answers } });
    assert.deepEqual(kept[0], { name: "elitebook" });
    assert.match(kept[1], /Taking "elitebook"\n$/);
    const [chosen, shown] = await play(answers === undefined ? {} : { answers });
    assert.deepEqual(chosen, { name: "thinkpad" });
    assert.match(shown, /Taking "thinkpad"; the kernel parameter stiefel\.laptop=NAME chooses another one\n$/);
  }
});

Deno.test("a laptop that answers during the question is shown, and can be chosen", async () => {
  const search = searchOf([thinkpad, old]);
  const [chosen, shown] = await play({
    search,
    answers: [
      (prompt, signal, onKey) => {
        queueMicrotask(() => search.add(lent));
        return untilOver(prompt, signal, onKey);
      },
      type("3"),
    ],
  });
  assert.deepEqual(chosen, { name: "elitebook" });
  assert.match(shown, /^2 laptops answer:\n[^]*^3 laptops answer:\n/m);
});

Deno.test("of two with one name the address goes with the choice", async () => {
  const twins = [laptop("twin", "serving", "fe80::1"), laptop("twin", "serving", "fe80::2")];
  const [chosen] = await play({ search: searchOf(twins), answers: [type("2")] });
  assert.deepEqual(chosen, { name: "twin", host: "fe80::2%eth0" });
});

Deno.test("when all laptops are gone, the question is over", async () => {
  const [error] = await play({ search: searchOf([]), answers: [] });
  assert.match(String(error), /No laptop answers any more/);
});
