import assert from "node:assert/strict";
import { buildUnifiedImage } from "../../tests/support/unified_image.ts";
import { createInstalledSystem, installedSystems } from "../../tests/support/installed_systems.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { gatherHostFacts } from "./host_facts.ts";
import { openHostTree } from "./tree.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

/** An Arch that runs with "root=UUID=77aa rw", and no boot loader that has a configuration. */
const arch = installedSystems.find(({ name }) => name === "arch-dracut-efistub");
assert.ok(arch !== undefined);

const image = buildUnifiedImage([
  { name: ".osrel", content: "ID=arch\nNAME=Arch" },
  { name: ".cmdline", content: "root=UUID=77aa rw" },
  { name: ".initrd", content: "I" },
  { name: ".linux", content: "K" },
]);
const windows = { "/boot/loader/entries/w.conf": "title Windows\nefi /EFI/w.efi\n", "/boot/EFI/w.efi": "W" };
const entry = (root: string): string => `linux /vmlinuz-linux\noptions root=${root} rw\n`;

const cases: Readonly<Record<string, readonly [Files, boolean]>> = {
  "B2: nothing": [{}, false],
  "B2: unified kernel images only": [{ "/boot/EFI/Linux/arch.efi": image }, false],
  "B2: beside an empty folder for entries": [
    { "/boot/EFI/Linux/arch.efi": image, "/boot/loader/entries/.keep": "" },
    false,
  ],
  "B2: beside Windows' entry": [{ "/boot/EFI/Linux/arch.efi": image, ...windows }, false],
  "B2: Windows' entry only": [{ ...windows, "/boot/loader/loader.conf": "" }, false],
  "B2: unified kernel images on an ESP elsewhere": [{ "/efi/EFI/Linux/arch.efi": image }, false],
  "B3: an entry that cannot be used": [
    { "/boot/loader/entries/a.conf": "linux /vmlinuz-linux\noptions $kernelopts\n" },
    false,
  ],
  "another system's entry": [{ "/boot/loader/entries/a.conf": entry("UUID=0000") }, false],
  "another system's GRUB": [{ "/boot/grub/grub.cfg": "menuentry x { linux /boot/vmlinuz-linux root=UUID=1 }" }, false],
  "kernel-install's command line only": [{ "/etc/kernel/cmdline": "root=UUID=77aa rw" }, false],
  "an entry in /boot": [{ "/boot/loader/entries/a.conf": entry("UUID=77aa") }, true],
  "B1: an entry on the ESP": [
    { "/boot/efi/loader/entries/a.conf": entry("UUID=77aa"), "/boot/efi/vmlinuz-linux": "K" },
    true,
  ],
};
for (const [what, [files, hasConfig]] of Object.entries(cases)) {
  Deno.test(`setup-server ${hasConfig ? "leaves" : "writes"} the command line, ${what}`, async () => {
    const system = await createInstalledSystem(arch, { files });
    const facts = await gatherHostFacts(system, await openHostTree(system));
    assert.equal(facts.hasBootLoaderConfig, hasConfig);
    assert.equal(facts.commandLine, arch.commandLine);
  });
}

const resting: Readonly<Record<string, readonly [Files, boolean]>> = {
  "a unified kernel image": [{ "/efi/EFI/Linux/a.efi": image }, true],
  "/etc/kernel/cmdline": [{ "/etc/kernel/cmdline": "root=UUID=1 rw" }, true],
  "nothing": [{}, false],
};
for (const [what, [files, hasConfig]] of Object.entries(resting)) {
  Deno.test(`where the system does not run, ${what} ${hasConfig ? "names" : "does not name"} the command line`, async () => {
    const tree = Object.fromEntries(
      Object.entries({ ...files, "/etc/fstab": "" }).map(([path, text]) => [`/mnt${path}`, text]),
    );
    const system = createMemorySystem({
      files: tree,
      commands: [(argv) => argv[0] === "findmnt" ? "ext4\n" : undefined],
    });
    const facts = await gatherHostFacts(system, await openHostTree(system, "/mnt"));
    assert.deepEqual([facts.hasBootLoaderConfig, facts.commandLine], [hasConfig, ""]);
  });
}

Deno.test("a boot loader's configuration for root only is no reason to say nothing of the system", async () => {
  const installed = await createInstalledSystem(arch, {
    files: { "/boot/grub/grub.cfg": "menuentry x { }", "/boot/efi/EFI/systemd/systemd-bootx64.efi": "" },
  });
  const system: typeof installed = {
    ...installed,
    lstat: (path) =>
      /^\/+boot\/(?:grub|efi)\b/.test(path)
        ? Promise.reject(new Deno.errors.PermissionDenied(`lstat '${path}'`))
        : installed.lstat(path),
  };
  const facts = await gatherHostFacts(system, await openHostTree(system));
  assert.deepEqual([facts.hasBootLoaderConfig, facts.hasSystemdBoot], [undefined, false]);
  assert.equal(facts.distribution?.prettyName, "Arch Linux");
});
