/** P2 and P7: questions on a real terminal, with keys that no one expects. */

import assert from "node:assert/strict";
import { projectRoot } from "../support/source_tree.ts";
import { hasTmux, openTerminal, type Terminal } from "../support/terminal.ts";

const run = [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-env", "--allow-run=less"],
  `--config=${projectRoot}deno.json`,
  `${projectRoot}tests/support/host_commands.ts`,
];
const ends = /\[d\]iff$/;

async function atQuestion(terminal: Terminal, number: string): Promise<string> {
  return await terminal.waitFor(new RegExp(`\\[${number}\\][^\\n]*(\\n[^\\n]*)?\\?[^?]*${ends.source}`));
}

const oddKeys: readonly (readonly [name: string, press: (terminal: Terminal) => Promise<void>])[] = [
  ["Up, Escape, F5", (terminal) => terminal.press("Up", "Escape", "F5")],
  ["arrows, Home, PageUp, F1, F12", (terminal) => terminal.press("Down", "Left", "Home", "PageUp", "F1", "F12")],
  ["Escape, again and again", (terminal) => terminal.press("Escape", "Escape", "Escape")],
  ["Alt-P and Alt-], which begin control strings", (terminal) => terminal.press("M-P", "M-]", "M-_", "M-^", "M-X")],
  ["Alt-y and Alt-a", (terminal) => terminal.press("M-y", "M-a")],
  ["a mouse report", (terminal) => terminal.send("\x1b[<0;12;34M\x1b[<0;12;34m")],
  ["a mouse report of the first kind", (terminal) => terminal.send("\x1b[M yy")],
  ["a bracketed paste", (terminal) => terminal.send("\x1b[200~y\na\n\x1b[201~")],
  ["a paste", (terminal) => terminal.send("you all should answer\n")],
  ["letters that are no ASCII", (terminal) => terminal.send("äé€я😀")],
  ["half a control string", (terminal) => terminal.send("\x1b]0;title")],
  ["half a sequence", (terminal) => terminal.send("\x1b[1;")],
  ["half a letter", (terminal) => terminal.press("-H", "c3")],
  ["control characters", (terminal) => terminal.send("\x00\x01\x0e\x0f\x1a\x1c\x1d\t")],
];

for (const term of ["linux", "xterm-256color", "dumb"]) {
  Deno.test({
    name: `P2: on a terminal (${term}) odd keys answer nothing, are not echoed, and what is written after them is seen`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await openTerminal([...run, "setup-server"], { env: { TERM: term } });
      let before = await atQuestion(terminal, "1/19");
      for (const [index, [name, press]] of oddKeys.entries()) {
        await press(terminal);
        // Longer than any wait for the rest of a sequence: the pause is part of the test.
        await new Promise((resolve) => setTimeout(resolve, 450));
        assert.equal(await terminal.screen(), before, name);
        await terminal.press("y");
        before = await atQuestion(terminal, `${index + 2}/19`);
      }
      await terminal.press("F5", "C-c");
      const text = await terminal.waitFor(/EXIT 3\nSANE$/);
      assert.match(text, /Stopped\. Done so far:\n {4}write \/var\/local\/lib\/stiefelsystem\/kernel\n/);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]|\^\[/);
    },
  });
}

Deno.test({
  name: "P2: keys that were typed before a question was there do not answer it",
  ignore: !hasTmux,
  fn: async () => {
    await using terminal = await openTerminal([
      "sh",
      "-c",
      'echo ready; read line; "$@"',
      "sh",
      ...run,
      "setup-server",
    ]);
    await terminal.waitFor(/ready/);
    await terminal.press("Enter", "a", "a", "y", "Enter", "y", "s");
    await atQuestion(terminal, "1/19");
    await terminal.press("y");
    await atQuestion(terminal, "2/19");
    await terminal.press("a");
    await terminal.waitFor(/Done so far:\n {4}write \/var\/local\/lib\/stiefelsystem\/kernel\nNot[\s\S]*EXIT 3\nSANE$/);
  },
});

for (const [columns, rows] of [[80, 24], [40, 24], [40, 15]] as const) {
  Deno.test({
    name: `P7: at ${columns}x${rows} number, path and all answers are seen after every change`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await openTerminal([...run, "setup-server-long"], { columns, rows });
      for (let number = 1; number <= 8; number++) {
        const text = await atQuestion(terminal, `${number}/19`);
        const joined = text.replaceAll("\n", "");
        assert.match(joined, new RegExp(`\\[${number}/19\\] (Write|Remove) /\\S+\\?  ?\\[y\\]es`));
        assert.match(joined, /\[y\]es.*a\[l\]l.*\[s\]kip.*\[a\]bort.*\[d\]iff$/);
        // The heading is still there: twice the number.
        assert.equal(text.split(`[${number}/19]`).length, 3, text);
        if (number === 5) {
          assert.match(text, /… \d+ more lines/);
          await terminal.press("d");
          await terminal.waitFor(/echo line 1\n[\s\S]*:$/);
          await terminal.press("G");
          await terminal.waitFor(/echo line 60\n[\s\S]*\(END\)/);
          await terminal.press("q");
          await atQuestion(terminal, "5/19");
        }
        await terminal.press("y");
      }
      await atQuestion(terminal, "9/19");
      await terminal.press("l");
      await terminal.waitFor(/EXIT 0\nSANE$/);
    },
  });
}

Deno.test({
  name: "P6: on a terminal a long plan comes in a pager, a short one does not",
  ignore: !hasTmux,
  fn: async () => {
    await using long = await openTerminal([...run, "setup-server", "--dry-run", "--diff"], { rows: 24 });
    await long.waitFor(/^\[1\/19\] Write [\s\S]*:$/);
    await long.press("G");
    await long.waitFor(/\(END\)/);
    await long.press("q");
    await long.waitFor(/19 would be done[\s\S]*EXIT 0\nSANE$/);
    await using short = await openTerminal([...run, "setup-server", "--dry-run"], { rows: 40 });
    await short.waitFor(/^\[ ?1\/19\] Write [\s\S]*19 would be done[\s\S]*EXIT 0\nSANE$/m);
    await using none = await openTerminal([...run, "setup-server", "--dry-run", "--diff"], {
      rows: 24,
      env: { PAGER: "cat" },
    });
    await none.waitFor(/19 would be done[\s\S]*EXIT 0\nSANE$/);
    await using stopped = await openTerminal([...run, "setup-server", "--dry-run", "--diff"], { rows: 24 });
    await stopped.waitFor(/^\[1\/19\] Write [\s\S]*:$/);
    await stopped.press("C-c");
    // Where Ctrl-C has ended the pager and us already, the shell gets the q.
    await stopped.press("q");
    await stopped.waitFor(/EXIT [03]\nSANE(\nq)?$/);
  },
});

Deno.test({
  name: "P2 P13: a secret on a terminal: marks, no odd keys, nothing typed before",
  ignore: !hasTmux,
  fn: async () => {
    const ask = [...run.slice(0, -1), `${projectRoot}tests/support/ask_secret.ts`];
    await using terminal = await openTerminal(["sh", "-c", 'echo ready; read line; "$@"', "sh", ...ask]);
    await terminal.waitFor(/ready/);
    await terminal.press("Enter", "Enter", "x", "Enter");
    await terminal.waitFor(/Passphrase:$/);
    await terminal.press("a", "Up", "b", "F5");
    await terminal.send("é");
    await terminal.waitFor(/Passphrase: \*\*\*$/);
    await terminal.press("BSpace");
    await terminal.waitFor(/Passphrase: \*\*$/);
    await terminal.press("c", "Enter");
    await terminal.waitFor(/Again:$/);
    await terminal.send("\x1b[200~pasted\x1b[201~\r");
    await terminal.waitFor(/Typed: \["abc","pasted"\]\nEXIT 0\nSANE$/);
  },
});
