import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { formatPublicInitrd, PUBLIC_INITRD_PATH } from "../../../lib/formats/public_initrd.ts";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import type { Console } from "../../shared/console.ts";
import { formatDnsmasqConfig } from "./dnsmasq_config.ts";
import { cutPublicInitrd, findNetbootName } from "./files.ts";
import { Netboot } from "./netboot.ts";

Deno.test("dnsmasq answers on one link, only who asks for a boot loader, and not ourselves", () => {
  const range = { from: "10.157.2.10", to: "10.157.2.250", netmask: "255.255.255.0" };
  const facts = {
    link: "eth0",
    mac: "52:54:00:12:34:56",
    address: "10.157.2.1",
    leasesPath: "/run/leases",
    pidPath: "/run/pid",
  };
  const full = formatDnsmasqConfig({ ...facts, mode: { kind: "full", range } }).split("\n");
  const always = [
    "port=0",
    "interface=eth0",
    "except-interface=lo",
    "bind-interfaces",
    "user=dnsmasq",
    "dhcp-ignore=tag:!netboot",
    "dhcp-host=52:54:00:12:34:56,ignore",
    "tftp-root=/usr/lib/stiefelsystem/netboot",
  ];
  const expected = [
    ...always,
    "dhcp-range=10.157.2.10,10.157.2.250,255.255.255.0,10m",
    "dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe",
    "dhcp-boot=tag:bios,tag:ipxe,http://10.157.2.1/boot.ipxe",
    "dhcp-boot=tag:uefi,shimx64.efi",
    "dhcp-boot=tag:http,http://10.157.2.1/shimx64.efi",
  ];
  assert.deepEqual(expected.filter((line) => !full.includes(line)), []);
  assert.equal(full.filter((line) => line.startsWith("interface=")).length, 1);
  // No router, no name server: a desktop is not led anywhere.
  assert.ok(full.includes("dhcp-option=option:router") && full.includes("dhcp-option=option:dns-server"));
});

Deno.test("odd paths of firmwares find their file, and nothing else is found", () => {
  const cases = [
    ["/kernel", "kernel"],
    ["//kernel", "kernel"],
    ["/boot/../kernel", "kernel"],
    ["/grub/grub.cfg", "grub.cfg"],
    ["/grub/grub.cfg-01-52-54-00-12-34-56", "grub.cfg"],
    ["//grub//grub.cfg", "grub.cfg"],
    ["/shimx64.efi", "shimx64.efi"],
    ["/SHIMX64.EFI", "shimx64.efi"],
    ["\\grubx64.efi", "grubx64.efi"],
    ["/%5Cgrubx64.efi", "grubx64.efi"],
    ["/grubx64.efi\u00ff\u00fe", "grubx64.efi"],
    ["/undionly.kpxe.0", "undionly.kpxe"],
    ["/boot.ipxe", "boot.ipxe"],
    ["/initrd?x=1", "initrd"],
    ["/initrd/", "initrd"],
    ["/", undefined],
    ["", undefined],
    ["/aes-key", undefined],
    ["/kern", undefined],
    ["/kernel/../aes-key", undefined],
    ["/revocations.efi", undefined],
    ["/..%2f..%2fetc%2fstiefelsystem%2faes-key", undefined],
  ] as const;
  for (const [path, name] of cases) assert.equal(findNetbootName(path), name, path);
});

/** A machine that was started with an initrd of which so many bytes are public. */
function started(sum: string, cut: "done" | "missing" = "done"): ReturnType<typeof createMemorySystem> {
  return createMemorySystem({
    files: { [PUBLIC_INITRD_PATH]: formatPublicInitrd({ version: 1, sizeBytes: 4096, sha256: "ab".repeat(32) }) },
    commands: [
      ([program, ...words]) => {
        if (program === "dd") return words.some((word) => word.startsWith("if=")) && cut === "missing" ? 1 : "";
        return program === "sha256sum" ? `${sum}  ${words[0]}\n` : undefined;
      },
    ],
  });
}

Deno.test("the public part of the initrd is given away with the noted sum only", async () => {
  const right = started("ab".repeat(32));
  assert.equal(await cutPublicInitrd(right, "/run/stiefelsystem"), "/run/stiefelsystem/netboot/initrd");
  const [cut, , end] = right.ran;
  assert.ok(cut?.includes("count=4096") && cut.includes("if=/sys/firmware/initrd"), String(cut));
  assert.ok(end?.includes("seek=1024"), String(end));
  await assert.rejects(cutPublicInitrd(started("cd".repeat(32)), "/run/s"), /nothing is given away/);
  await assert.rejects(
    cutPublicInitrd(started("", "missing"), "/run/s"),
    (error) => error instanceof UserError && /retain_initrd/.test(error.hints.join("")),
  );
  await assert.rejects(cutPublicInitrd(createMemorySystem({}), "/run/s"), /has no files for desktops/);
});

Deno.test("an initrd that could not be cut is cut anew the next time", async () => {
  const memory = createMemorySystem({});
  const over = new AbortController();
  let cuts = 0;
  const netboot = new Netboot({
    system: memory,
    console: { sayRarely: () => {} } as Partial<Console> as Console,
    macs: ["52:54:00:12:34:56"],
    workDirectory: "/run/stiefelsystem",
    cutInitrd: () => {
      if (++cuts === 3) over.abort();
      return Promise.reject(new Error("There is no memory for it"));
    },
  });
  const link = { name: "eth0", index: 2, mac: "52:54:00:12:34:56", address: "fe80::2" };
  let isOver = false;
  const served = netboot.serveLink(link, over.signal).then(() => isOver = true);
  for (let turn = 0; turn < 20 && !isOver; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
    memory.advance(2_000);
  }
  over.abort();
  await served;
  assert.equal(cuts, 3);
});
