import assert from "node:assert/strict";
import { formatLoaderHook } from "./boot_loaders.ts";

Deno.test("for arm64 nothing of amd64 is fetched, and no program runs", () => {
  for (const suite of ["bookworm", "trixie"]) {
    const hook = formatLoaderHook(suite, "arm64");
    assert.match(hook, /shim-helpers-arm64-signed/);
    assert.doesNotMatch(hook, /amd64|x86|x64|i386|grub-mkimage|ld-linux/);
    assert.match(formatLoaderHook(suite, "amd64"), /grub-mkimage/);
  }
  assert.match(formatLoaderHook("bookworm", "arm64"), /"\$t\/usr\/lib\/grub\/arm64-efi-signed\/gcdaa64\.efi\.signed"/);
  assert.match(formatLoaderHook("trixie", "arm64"), /systemd-bootaa64\.efi\.signed" "\$out\/grubaa64\.efi"/);
});
