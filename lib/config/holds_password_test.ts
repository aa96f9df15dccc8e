import assert from "node:assert/strict";
import { holdsPassword } from "./holds_password.ts";

Deno.test("a password is found in every form of YAML, and suspected in a file that is not YAML", async () => {
  for (
    const text of [
      "initrd:\n  password: abc\n",
      "initrd: {password: abc}\n",
      'initrd:\n  "password": abc\n',
      "initrd: {shell: /bin/sh, 'password' : abc}\n",
      'server: {name: "desk #1"}\ninitrd: {password: abc}\n',
      '{"server": {"name": "desk #1"}, "initrd": {"password": "abc"}}\n',
      'initrd: {"passw\\u006frd": abc}\n',
      "packing:\n  - Password: abc\n",
      "initrd: {password: abc\n",
    ]
  ) {
    assert.equal(await holdsPassword(text), true, text);
  }
  for (const text of ["", "# password: none\n", "modules: [lvm] # no password: none\n", "server: {name: password}\n"]) {
    assert.equal(await holdsPassword(text), false, text);
  }
});
