import assert from "node:assert/strict";
import { notifyArguments, parseSessions } from "./announce.ts";

/** `loginctl list-sessions --no-legend` of systemd 252 and 257. */
const listed = `      2 1000 ada    seat0 tty2
      5 1000 ada          pts/1
     c1  121 gdm    seat0 tty1
      7 1001 alan.t -     -     8123 user    -    no   -
`;

Deno.test("each user with a session gets one message", () => {
  assert.deepEqual(parseSessions(listed), [
    { uid: 1000, user: "ada" },
    { uid: 121, user: "gdm" },
    { uid: 1001, user: "alan.t" },
  ]);
  const names = ["ada@corp.example", "CORP\\ada", "1ada", "müller"];
  assert.deepEqual(
    parseSessions(names.map((name, index) => `${index} ${index} ${name} seat0`).join("\n")).map(({ user }) => user),
    names,
  );
  assert.deepEqual(parseSessions("No sessions.\n"), []);
  assert.deepEqual(parseSessions("1 1000 -u seat0\n"), [], "a name that could be an option");
});

Deno.test("the notification runs as the session's user, and only one that can be cancelled has the button", () => {
  const message = { text: "--The desktop asks", isCancellable: true };
  const argv = notifyArguments({ uid: 1000, user: "ada" }, message);
  assert.deepEqual(argv.slice(0, 5), ["runuser", "-u", "ada", "--", "notify-send"]);
  assert.deepEqual(argv.slice(-4), ["--action=cancel=Cancel", "--", "Stiefelsystem", "--The desktop asks"]);
  const other = notifyArguments({ uid: 1000, user: "ada" }, { ...message, isCancellable: false });
  assert.ok(!other.some((word) => word.startsWith("--action")));
});
