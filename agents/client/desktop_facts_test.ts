import assert from "node:assert/strict";
import { machineIdOf } from "../../lib/formats/machine_identity.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { readDesktopFacts, readLinkFacts } from "./desktop_facts.ts";

const keys = await Deno.readTextFile(new URL("../../tests/fixtures/secure_boot/proc-keys", import.meta.url));

/** A machine whose `grep` finds these files, and whose kernel has this log. */
function machine(files: Readonly<Record<string, string>>, log?: string): ReturnType<typeof createMemorySystem> {
  return createMemorySystem({
    commands: [
      ([program, , , , , ...paths]) =>
        program !== "grep"
          ? undefined
          : paths.filter((path) => path in files).flatMap((path) =>
            (files[path] ?? "").trimEnd().split("\n").map((line) => `${path}:${line}\n`)
          ).join(""),
      ([program]) => program === "dmesg" ? log : undefined,
    ],
  });
}

Deno.test("a desktop with UEFI and Secure Boot", async () => {
  const facts = await readDesktopFacts(machine(
    {
      "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
      "/proc/keys": keys,
      "/proc/meminfo": "MemTotal:       16384000 kB\nMemAvailable:   16000000 kB\n",
      "/sys/firmware/efi/fw_platform_size": "64\n",
      "/sys/class/dmi/id/bios_vendor": "Maker\n",
      "/sys/class/dmi/id/product_uuid": "4c4c4544-0051-3510-8052-b4c04f4a3332\n",
      "/sys/class/dmi/id/product_serial": "J2Q5R43\n",
    },
    "[    0.000000] secureboot: Secure boot enabled\n[    2.1] r8169 0000:02:00.0: firmware: failed to load rtl_nic/rtl8168g-3.fw (-2)\n",
  ));
  assert.equal(facts.firmware, "UEFI");
  assert.equal(facts.isSecureBoot, true);
  assert.equal(facts.lockdown, "integrity");
  assert.equal(facts.trustedKeys?.length, 4);
  assert.equal(facts.memoryBytes, 16384000 * 1024);
  const identity = { productUuid: "4c4c4544-0051-3510-8052-b4c04f4a3332", productSerial: "J2Q5R43" };
  assert.equal(facts.machineId, await machineIdOf(identity));
  assert.deepEqual(facts.missingFirmware, [{ driver: "r8169", file: "rtl_nic/rtl8168g-3.fw" }]);
});

Deno.test("where securityfs is not mounted, the kernel's log tells that it is locked down", async () => {
  const log = "[    0.000000] Kernel is locked down from EFI Secure Boot; see man kernel_lockdown.7";
  assert.equal((await readDesktopFacts(machine({}, log))).lockdown, "integrity");
  assert.equal((await readDesktopFacts(machine({}, "swapper/0: hibernation is restricted"))).lockdown, undefined);
  const none = machine({ "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n" }, log);
  assert.equal((await readDesktopFacts(none)).lockdown, undefined);
});

Deno.test("a desktop with a BIOS, and one with Secure Boot switched off", async () => {
  const bios = await readDesktopFacts(machine({ "/sys/class/dmi/id/bios_vendor": "SeaBIOS\n" }, "nothing of it"));
  assert.deepEqual(bios, { firmware: "BIOS", lockdown: undefined, trustedKeys: undefined, missingFirmware: [] });
  const off = await readDesktopFacts(
    machine({ "/sys/firmware/efi/fw_platform_size": "64\n" }, "[0.1] secureboot: Secure boot disabled"),
  );
  assert.deepEqual([off.firmware, off.isSecureBoot], ["UEFI", false]);
  const odd = await readDesktopFacts(machine({}, "secureboot: Secure boot could not be determined (mode 0)"));
  assert.deepEqual([odd.firmware, odd.isSecureBoot], [undefined, undefined]);
});

Deno.test("a desktop of which nothing can be seen still has facts", async () => {
  assert.deepEqual(await readDesktopFacts(createMemorySystem()), { lockdown: undefined, trustedKeys: undefined });
});

Deno.test("links have speed and driver, those with a cable first", async () => {
  const links = [
    { name: "lo", mac: "", isLoopback: true, hasCarrier: true },
    { name: "enp1s0", mac: "02:00:00:00:00:01", isLoopback: false, hasCarrier: false },
    { name: "enp2s0", mac: "02:00:00:00:00:02", isLoopback: false, hasCarrier: true },
    { name: "enx3", mac: "02:00:00:00:00:03", isLoopback: false, hasCarrier: true },
  ];
  assert.deepEqual(await readLinkFacts(createMemorySystem(), []), []);
  assert.deepEqual(await readLinkFacts(createMemorySystem(), links.slice(3)), [{ name: "enx3", hasCarrier: true }]);
  assert.deepEqual(
    await readLinkFacts(
      machine({
        "/sys/class/net/enp1s0/speed": "-1\n",
        "/sys/class/net/enp1s0/device/uevent": "DRIVER=igc\nPCI_CLASS=20000\n",
        "/sys/class/net/enp2s0/speed": "2500\n",
        "/sys/class/net/enp2s0/device/uevent": "DRIVER=r8169\n",
      }),
      links,
    ),
    [
      { name: "enp2s0", hasCarrier: true, speed: 2500, driver: "r8169" },
      { name: "enx3", hasCarrier: true },
      { name: "enp1s0", hasCarrier: false, driver: "igc" },
    ],
  );
});
