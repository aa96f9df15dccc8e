import assert from "node:assert/strict";
import { adaptCommands, commandToType, findGivenPlaces, whichShell } from "./command_to_type.ts";

Deno.test("P5: a message names the command to type", () => {
  assert.equal(commandToType("doctor"), "./stiefelsystem doctor");
  assert.equal(commandToType("init", { asRoot: true }), "sudo ./stiefelsystem init");
  assert.equal(commandToType("undo-setup", { arguments: "--root /mnt" }), "./stiefelsystem undo-setup --root /mnt");
});

Deno.test("P5: elsewhere the command has the launcher's path; root needs no sudo, a user with sudo always", () => {
  const text = `Hint: Run "${commandToType("init", { asRoot: true })}", then ${commandToType("doctor")}`;
  const cases = [
    [undefined, "user", 'Hint: Run "sudo ./stiefelsystem init", then ./stiefelsystem doctor'],
    [undefined, "root", 'Hint: Run "./stiefelsystem init", then ./stiefelsystem doctor'],
    [undefined, "user-with-sudo", 'Hint: Run "sudo ./stiefelsystem init", then sudo ./stiefelsystem doctor'],
    ["'/a b/stiefelsystem'", "user", `Hint: Run "sudo '/a b/stiefelsystem' init", then '/a b/stiefelsystem' doctor`],
    ["/x$&/stiefelsystem", "root", 'Hint: Run "/x$&/stiefelsystem init", then /x$&/stiefelsystem doctor'],
  ] as const;
  for (const [launcher, shell, adapted] of cases) {
    assert.equal(adaptCommands(text, { launcher, shell }), adapted);
  }
  assert.equal(adaptCommands("./stiefelsystem-old x", { launcher: "/x", shell: "user" }), "./stiefelsystem-old x");
});

Deno.test("P9: the next command finds the files that this one was given", () => {
  const places = findGivenPlaces([
    "init",
    "--config=my laptop.yaml",
    "--out-dir",
    "out",
    "--root",
    "/my root",
    "--yes",
    "--",
    "--cache-dir=x",
  ]);
  assert.deepEqual(places, { "--config": "my laptop.yaml", "--out-dir": "out", "--root": "/my root" });
  const adapt = (text: string): string => adaptCommands(text, { launcher: undefined, shell: "user", places });
  const cases: Readonly<Record<string, string>> = {
    [commandToType("create-initrd")]: "./stiefelsystem create-initrd --config 'my laptop.yaml' --out-dir out",
    [commandToType("setup-server", { asRoot: true, arguments: "--dry-run" })]:
      "sudo ./stiefelsystem setup-server --config 'my laptop.yaml' --out-dir out --root '/my root' --dry-run",
    [commandToType("boot-entry")]: "./stiefelsystem boot-entry --config 'my laptop.yaml' --root '/my root'",
    [`Run ${commandToType("undo-setup")}: it takes all back`]:
      "Run ./stiefelsystem undo-setup --root '/my root': it takes all back",
    [`Run ${commandToType("create-initrd")}: it makes one`]:
      "Run ./stiefelsystem create-initrd --config 'my laptop.yaml' --out-dir out: it makes one",
  };
  for (const [text, adapted] of Object.entries(cases)) assert.equal(adapt(text), adapted);
  assert.deepEqual(findGivenPlaces(["doctor", "--config"]), {});
  assert.deepEqual(findGivenPlaces(["doctor", "--config", "a", "--config", "b"]), { "--config": "b" });
});

Deno.test("a user who typed sudo is told from root", () => {
  assert.equal(whichShell(1000, undefined), "user");
  assert.equal(whichShell(undefined, "1000"), "user");
  assert.equal(whichShell(0, undefined), "root");
  assert.equal(whichShell(0, "0"), "root");
  assert.equal(whichShell(0, "1000"), "user-with-sudo");
});
