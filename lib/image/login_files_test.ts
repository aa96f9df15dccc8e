import assert from "node:assert/strict";
import { formatDebugLogin, formatLoginFiles } from "./login_files.ts";
import { formatPassOn, passOnService } from "./pass_on.ts";

const content = (files: ReturnType<typeof formatLoginFiles>, path: string): string =>
  files.find((file) => file.path === path)?.content ?? "";

Deno.test("init starts nothing that would suspend or end a session for a closed lid or a pressed power key", () => {
  const inittab = content(formatLoginFiles({ shell: "/bin/sh", isDebug: true, drivers: [] }), "etc/inittab");
  const started = [...inittab.matchAll(/^[^#:]*:[^:]*:(?:sysinit|respawn|askfirst|once|wait):(\S+)/gm)].map((match) =>
    match[1]
  );
  assert.deepEqual(started, [
    "/usr/lib/stiefelsystem/start-devices",
    "/usr/lib/stiefelsystem/supervise-agent",
    "/usr/bin/busybox",
  ]);
});

Deno.test("root is locked and no user can log in, even when a password is there", () => {
  const files = formatLoginFiles({ shell: "/bin/sh", isDebug: false, drivers: [] });
  assert.deepEqual(formatDebugLogin({ isDebug: false, passwordHash: "$6$salt$hash" }), []);
  assert.match(content(files, "etc/shadow"), /^root:!:/);
  assert.ok(!content(files, "etc/inittab").includes("getty"));
});

Deno.test("a debugging image has a login with the password, on the second terminal", () => {
  const files = formatLoginFiles({ shell: "/usr/bin/bash", isDebug: true, drivers: [] });
  const login = formatDebugLogin({ isDebug: true, passwordHash: "$6$salt$hash" });
  assert.deepEqual(login.map(({ path, mode }) => [path, mode]), [["etc/shadow", 0o600]]);
  assert.match(content(login, "etc/shadow"), /^root:\$6\$salt\$hash:/);
  assert.match(content(files, "etc/passwd"), /:\/usr\/bin\/bash\n$/);
  assert.match(content(files, "etc/inittab"), /^tty2::respawn:.*getty/m);
});

Deno.test("the password file is root's alone", () => {
  const files = formatLoginFiles({ shell: "/bin/sh", isDebug: false, drivers: [] });
  assert.equal(files.find(({ path }) => path === "etc/shadow")?.mode, 0o600);
});

Deno.test("the program of a driver is kept running", () => {
  const drivers = [{ service: { argv: ["/usr/local/bin/clevo-fancontrol"] } }, {}];
  const files = formatLoginFiles({ shell: "/bin/sh", isDebug: false, drivers });
  assert.match(content(files, "etc/inittab"), /^null::respawn:\/usr\/local\/bin\/clevo-fancontrol$/m);
});

Deno.test("only a laptop that passes its network on has a program for it, with the cards of the configuration", () => {
  const options = { shell: "/bin/sh", isDebug: false, drivers: [] };
  assert.doesNotMatch(content(formatLoginFiles(options), "etc/inittab"), /pass-on/);
  const files = formatLoginFiles({ ...options, services: [passOnService] });
  assert.match(content(files, "etc/inittab"), /^null::once:\/usr\/lib\/stiefelsystem\/pass-on$/m);
  const { content: text } = formatPassOn({
    from: ["02:00:00:00:00:01"],
    to: ["02:00:00:00:00:02", "02:00:00:00:00:03"],
  });
  assert.equal(text, "FROM=02:00:00:00:00:01\nTO=02:00:00:00:00:02\nTO=02:00:00:00:00:03\n");
});
