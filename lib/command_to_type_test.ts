import assert from "node:assert/strict";
import { adaptCommands, commandToType } from "./command_to_type.ts";

Deno.test("P5: a message names the command to type", () => {
  assert.equal(commandToType("doctor"), "./stiefelsystem doctor");
  assert.equal(commandToType("init", { asRoot: true }), "sudo ./stiefelsystem init");
  assert.equal(commandToType("undo-setup", { arguments: "--root /mnt" }), "./stiefelsystem undo-setup --root /mnt");
});

Deno.test("P5: elsewhere the command has the launcher's path, and root needs no sudo", () => {
  const text = `Hint: Run "${commandToType("init", { asRoot: true })}", then ${commandToType("doctor")}`;
  const cases = [
    [undefined, false, 'Hint: Run "sudo ./stiefelsystem init", then ./stiefelsystem doctor'],
    [undefined, true, 'Hint: Run "./stiefelsystem init", then ./stiefelsystem doctor'],
    ["'/a b/stiefelsystem'", false, `Hint: Run "sudo '/a b/stiefelsystem' init", then '/a b/stiefelsystem' doctor`],
    ["/x$&/stiefelsystem", true, 'Hint: Run "/x$&/stiefelsystem init", then /x$&/stiefelsystem doctor'],
  ] as const;
  for (const [launcher, isRoot, adapted] of cases) {
    assert.equal(adaptCommands(text, { launcher, isRoot }), adapted);
  }
  assert.equal(adaptCommands("./stiefelsystem-old x", { launcher: "/x", isRoot: false }), "./stiefelsystem-old x");
});
