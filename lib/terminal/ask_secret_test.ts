import assert from "node:assert/strict";
import { StoppedByUser } from "../errors.ts";
import { askSecret } from "./ask_secret.ts";
import { createKeyboard } from "./keyboard.ts";

/** Asks on a terminal on which these pieces are typed once the question is there. */
async function ask(
  ...pieces: readonly (string | null)[]
): Promise<{ readonly secret: string; readonly shown: string }> {
  let shown = "";
  const isAsked = Promise.withResolvers<void>();
  const left = [...pieces];
  const keyboard = createKeyboard({
    read: async () => {
      await isAsked.promise;
      const piece = left.shift() ?? null;
      return piece === null ? null : new TextEncoder().encode(piece);
    },
    setRaw: () => {},
  });
  const write = (text: string): void => {
    shown += text;
    isAsked.resolve();
  };
  const secret = await askSecret(keyboard, { prompt: "Passphrase: ", write });
  return { secret, shown };
}

Deno.test("P13: a passphrase is shown as one mark per character", async () => {
  assert.deepEqual(await ask("s", "e", "é", "\x7f", "c\r"), { secret: "sec", shown: "Passphrase: ***\b \b*\n" });
  assert.deepEqual(await ask("wrong\x15", "ok\r"), { secret: "ok", shown: "Passphrase: **\n" });
  assert.deepEqual(await ask("abc", "\x15", "x\r"), { secret: "x", shown: `Passphrase: ***${"\b \b".repeat(3)}*\n` });
});

Deno.test("P2: arrows, function keys and Alt are no part of a passphrase, and leave no mark", async () => {
  assert.deepEqual(await ask("a", "\x1b[A", "\x1bOP", "\x1bb", "\x1b[15~", "c\r"), {
    secret: "ac",
    shown: "Passphrase: **\n",
  });
  assert.deepEqual(await ask("\x1b[200~pasted\n\x1b[201~", "\r"), { secret: "pasted", shown: "Passphrase: ******\n" });
});

Deno.test("a passphrase ends with Ctrl-C, Ctrl-D and the terminal", async () => {
  for (const end of ["\x03", "\x04", null]) await assert.rejects(ask("abc", end), StoppedByUser);
});
