import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { parseClientOptions, usage as clientUsage } from "../client/options.ts";
import { parseServerOptions, usage as serverUsage } from "./options.ts";

Deno.test("options are read, and every mistake is a usage error", async () => {
  const server = await parseServerOptions(["--listen", "192.0.2.1", "--listen", "fd00::1", "--on-end", "poweroff"]);
  assert.deepEqual(server, {
    kind: "run",
    listen: ["192.0.2.1", "fd00::1"],
    disk: undefined,
    onEnd: "poweroff",
    clientTimeoutSeconds: undefined,
    keyPath: undefined,
    settingsPath: undefined,
    workDirectory: "/run/stiefelsystem",
    handoverDirectory: "/etc/stiefelsystem/handover",
  });
  const client = await parseClientOptions(["--server", "192.0.2.1", "--no-kexec"]);
  assert.ok(client.kind === "run" && client.server === "192.0.2.1" && !client.withKexec);
  for (
    const args of [["--on-end", "explode"], ["--client-timeout", "-1"], ["--client-timeout", "604801"], ["--bogus"], [
      "word",
    ], ["--disk"]]
  ) {
    await assert.rejects(parseServerOptions(args), (error) => error instanceof UserError && error.exitCode === 2);
  }
  for (const args of [["--listen", "x"], ["word"], ["--server"]]) {
    await assert.rejects(parseClientOptions(args), (error) => error instanceof UserError && error.exitCode === 2);
  }
});

Deno.test("a client is told its mode, and takes no other word for one", async () => {
  const modeOf = async (args: readonly string[]): Promise<string | undefined> => {
    const command = await parseClientOptions(args);
    return command.kind === "run" ? command.mode : command.kind;
  };
  assert.equal(await modeOf([]), undefined);
  assert.equal(await modeOf(["--mode", "try"]), "try");
  assert.equal(await modeOf(["--mode=write"]), "write");
  for (const wrong of ["Try", "", "guest"]) await assert.rejects(modeOf([`--mode=${wrong}`]), /wanted write or try/);
});

Deno.test("the help names every option, in lines that fit a console", async () => {
  for (
    const [usage, options] of [
      [serverUsage, [
        "--listen",
        "--disk",
        "--on-end",
        "--client-timeout",
        "--key",
        "--settings",
        "--work-dir",
        "--help",
        "--version",
      ]],
      [clientUsage, ["--server", "--mode", "--no-kexec", "--key", "--settings", "--work-dir", "--help", "--version"]],
    ] as const
  ) {
    for (const option of options) assert.ok(usage.includes(option), option);
    for (const line of usage.split("\n")) assert.ok(line.length <= 132, line);
  }
  assert.equal((await parseServerOptions(["--help"])).kind, "help");
  assert.equal((await parseClientOptions(["--version"])).kind, "version");
});
