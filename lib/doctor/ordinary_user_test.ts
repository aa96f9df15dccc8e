import assert from "node:assert/strict";
import { createMadeUpLaptop } from "../../tests/support/made_up_laptop.ts";
import { withRootOnly } from "../../tests/support/root_only.ts";
import { readConfigFile } from "../config_file.ts";
import { openHostTree } from "../host/tree.ts";
import type { Check } from "./check.ts";
import { examineHost } from "./doctor.ts";

/** What doctor says to a user whom these places refuse, by title. */
async function examine(places: readonly string[]): Promise<ReadonlyMap<string, Check>> {
  const laptop = await createMadeUpLaptop();
  await laptop.system.writeFile("/boot/efi/EFI/debian/grubx64.efi", "");
  await laptop.system.writeFile("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
  await laptop.system.writeFile("/etc/crypttab", "crypt UUID=1 none luks\n");
  await laptop.system.writeFile("/etc/initramfs-tools/initramfs.conf", "MODULES=most\n");
  const system = withRootOnly(laptop.system, places);
  const { config } = await readConfigFile(system, laptop.setup.configPath);
  const checks = await examineHost(system, await openHostTree(system), { ...laptop.setup, config });
  return new Map(checks.map((check) => [check.title, check]));
}

const kernel = "kernel for desktops";
const desktops = "initramfs for desktops";
const cases: readonly { readonly places: readonly string[]; readonly unseen: readonly string[] }[] = [
  { places: ["/boot"], unseen: [kernel, "cable", desktops, "boot entry"] },
  { places: ["/boot/efi"], unseen: [] },
  { places: ["/usr/lib/modules"], unseen: [kernel, "cable"] },
  { places: ["/etc/initramfs-tools"], unseen: ["hibernation"] },
  { places: ["/etc/NetworkManager/conf.d"], unseen: ["network programs"] },
  // What root would see there does not change the warning on the name of the volume group.
  { places: ["/etc/crypttab"], unseen: [] },
  { places: ["/usr/sbin/nbd-client"], unseen: ["programs"] },
  {
    places: ["/etc/fstab"],
    unseen: ["places to write", "disk", "other disks", "EFI system partition", "names of devices"],
  },
  { places: ["/home/me/build"], unseen: ["Secure Boot", "shared key", "image", "setup", "Debian packages", "sticks"] },
  { places: ["/var/local/lib/stiefelsystem"], unseen: ["Secure Boot"] },
];

for (const { places, unseen } of cases) {
  Deno.test(`doctor goes on for a user who may not look into ${places}: what it has not seen is "?", with the cure`, async () => {
    const [root, user] = [await examine([]), await examine(places)];
    assert.deepEqual([...user.keys()], [...root.keys()], "the same checks in the same order");
    for (const [title, check] of user) {
      if (!unseen.includes(title)) {
        assert.deepEqual(check, root.get(title));
        continue;
      }
      assert.equal(check.level, "unknown", `${title}: ${check.found}`);
      assert.match(check.cure ?? "", /^Run sudo .*doctor/);
    }
  });
}

Deno.test("doctor goes on for a user who may look into nothing but the programs", async () => {
  const user = await examine(cases.flatMap(({ places }) => places));
  const unseen = [...user.values()].filter(({ level }) => level === "unknown").map(({ title }) => title);
  const expected = new Set(cases.flatMap((one) => one.unseen));
  // Without the kernel's modules, the transport that needs no program counts as possible.
  expected.delete("programs");
  assert.deepEqual([...expected].filter((title) => !unseen.includes(title)), []);
});
