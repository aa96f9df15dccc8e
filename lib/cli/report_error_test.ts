import assert from "node:assert/strict";
import { CommandError, StoppedByUser, UserError } from "../errors.ts";
import { reportError } from "./report_error.ts";

Deno.test("a user error is a message, hints and its exit code", () => {
  const error = new UserError('Key file "aes-key" has 31 bytes, wanted 32', { hints: ["Delete it"], exitCode: 2 });
  assert.deepEqual(reportError(error), {
    exitCode: 2,
    lines: ['Error: Key file "aes-key" has 31 bytes, wanted 32', "  Hint: Delete it"],
  });
});

Deno.test("being stopped is not an error message", () => {
  assert.deepEqual(reportError(new StoppedByUser()), { exitCode: 3, lines: ["Stopped"] });
});

Deno.test("a failed program shows how to repeat it, without a stack trace", () => {
  const { lines } = reportError(
    new CommandError({ argv: ["zstd", "my file"], exitCode: 1, lastLines: ["zstd: no space"] }),
  );
  assert.deepEqual(lines, ["Error: \"zstd\" exited with status 1\n  zstd: no space\n  command: zstd 'my file'"]);
});

Deno.test("only an unexpected error shows where it came from", () => {
  const { lines, exitCode } = reportError(new TypeError("x is undefined"));
  assert.equal(exitCode, 1);
  assert.match(lines[0] ?? "", /please report it: TypeError: x is undefined\n\s+at /);
});
