import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { createRealSystem } from "../system/real.ts";
import type { System } from "../system/system.ts";
import { checkMirror, judgeRelease } from "./check_mirror.ts";

const question = {
  suite: "trixie",
  architecture: "amd64",
  mirror: "http://m/debian",
  components: ["main", "non-free-firmware"],
} as const;
const release = `-----BEGIN PGP SIGNED MESSAGE-----
Origin: Debian
Suite: stable
Codename: trixie
Date: Sat, 21 Nov 2026 09:15:44 UTC
Valid-Until: Sat, 28 Nov 2026 09:15:44 UTC
Architectures: all amd64 arm64
Components: main contrib non-free-firmware non-free
`;
const at = (date: string): number => Date.parse(date);

Deno.test("P8: a Release file is judged before the work", () => {
  const nowMs = at("2026-11-22T00:00:00Z");
  assert.equal(judgeRelease(release, { ...question, nowMs }), undefined);
  const old = { ...question, nowMs: at("2026-11-20T09:15:44Z") };
  assert.match(judgeRelease(release, old)?.found ?? "", /from the future by 24 h: the clock of this machine is wrong/);
  const late = { ...question, nowMs: at("2026-11-30T09:15:44Z") };
  assert.match(judgeRelease(release, late)?.found ?? "", /expired 48 h ago/);
  assert.match(judgeRelease("<html>Log in</html>", { ...question, nowMs })?.found ?? "", /log-in page/);
  assert.match(judgeRelease("", { ...question, nowMs })?.found ?? "", /log-in page/);
  const bullseye = release.replace(" non-free-firmware", "");
  assert.match(judgeRelease(bullseye, { ...question, nowMs })?.found ?? "", /has no "non-free-firmware"/);
  assert.match(judgeRelease(bullseye, { ...question, nowMs })?.hints.join() ?? "", /firmware: false/);
  assert.match(
    judgeRelease(release.replace("amd64 ", ""), { ...question, nowMs })?.found ?? "",
    /no packages for amd64/,
  );
  assert.equal(
    judgeRelease(release.replace(/Components: /, "Components: updates/main updates/"), {
      ...question,
      nowMs,
      components: ["main"],
    }),
    undefined,
  );
});

const real = createRealSystem();
const aptDownloader = "/usr/lib/apt/apt-helper";
/** What fetches, and a system that has it. */
const downloaders: Readonly<Record<string, { readonly path: string; readonly system: System }>> = {
  apt: { path: aptDownloader, system: real },
  wget: {
    path: "/usr/bin/wget",
    system: {
      ...real,
      stat: async (path) => path === aptDownloader ? undefined : await real.stat(path),
    },
  },
};

/** A mirror on this machine that answers everything in one way. */
async function ask(system: System, answer: () => Response): Promise<UserError | undefined> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const directory = await Deno.makeTempDir();
  try {
    const mirror = `http://127.0.0.1:${server.addr.port}/debian`;
    await checkMirror(system, { ...question, mirror }, directory);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

for (const [name, { path, system }] of Object.entries(downloaders)) {
  const ignore = await real.stat(path) === undefined;
  if (ignore) console.log(`skipped: mirrors by ${name}: it is not here`);

  Deno.test({
    name: `P8: each kind of useless mirror has a message of its own, by ${name}`,
    ignore,
    fn: async () => {
      const now = new Date().toUTCString().replace("GMT", "UTC");
      const good = release.replace(/Date: .*/, `Date: ${now}`).replace(/Valid-Until: .*\n/, "");
      const message = async (text: string, status: number): Promise<string> =>
        (await ask(system, () => new Response(text, { status })))?.message ?? "";
      assert.equal(await ask(system, () => new Response(good)), undefined);
      assert.match(await message("<html>", 200), /log-in page/);
      assert.match(await message("", 404), /has no suite "trixie"/);
      assert.match(await message("", 407), /a proxy wants a name and a password/);
      assert.match(await message("", 403), /refuses: 403 Forbidden/);
      assert.match(await message("", 200), /gave no list of packages/);
    },
  });

  Deno.test({
    name: `P8: a mirror that does not answer is reported within seconds, by ${name}`,
    ignore,
    fn: async () => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const port = listener.addr.port;
      listener.close();
      const directory = await Deno.makeTempDir();
      try {
        const started = performance.now();
        const asked = checkMirror(system, { ...question, mirror: `http://127.0.0.1:${port}/debian` }, directory);
        await assert.rejects(
          asked,
          /Debian's packages cannot be fetched: the mirror .* does not answer \(127\.0\.0\.1:\d+\)/,
        );
        assert.ok(performance.now() - started < 20_000);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
