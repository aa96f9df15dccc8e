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

Deno.test("what the operating system refuses is a sentence with the path, and the cure where there is one", () => {
  const errors = Deno.errors;
  const cases: readonly (readonly [Error, readonly string[]])[] = [
    [Object.assign(new Error("Read-only file system (os error 30): mkdir '/p/build/demo'"), { code: "EROFS" }), [
      'Error: "/p/build/demo" cannot be made: its file system is mounted read-only',
      "  Hint: Name a folder that can be written",
    ]],
    [Object.assign(new Error("No space left on device (os error 28): open '/p/x y'"), { code: "ENOSPC" }), [
      'Error: "/p/x y" cannot be opened: no space is left on its file system',
      "  Hint: Make room there, or name another folder",
    ]],
    [new errors.PermissionDenied("Permission denied (os error 13): rename '/a' -> '/b'"), [
      'Error: "/a" cannot be renamed: permission denied',
    ]],
    [new errors.NotFound("No such file or directory (os error 2): stat '/it's'"), [
      `Error: "/it's" cannot be used: no such file or directory`,
    ]],
    [new errors.NotCapable('Requires all access to "/proc/1", run again with the --allow-all flag'), [
      'Error: "/proc/1" cannot be used: this program may not look below /dev, /proc and /sys',
      "  Hint: Name a folder or file on a disk",
    ]],
    [new errors.NotCapable('Requires run access to "ls", run again with the --allow-run flag'), [
      'Error: This command has no grant for run access to "ls", please report it',
    ]],
    [new errors.AddrInUse("Address already in use (os error 98)"), ["Error: Address already in use (os error 98)"]],
  ];
  for (const [error, lines] of cases) assert.deepEqual(reportError(error), { exitCode: 1, lines });
});
