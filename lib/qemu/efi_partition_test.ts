import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { formatMmdebstrapArguments } from "./demo_disk_recipe.ts";
import { demoDiskLayout, formatFstab, formatPartitionTable } from "./demo_disk_layout.ts";
import {
  efiFstabLine,
  efiPartition,
  formatEfiGrubConfig,
  listSignedGrub,
  listSystemdBoot,
  makeEfiPartition,
} from "./efi_partition.ts";

Deno.test("a disk for UEFI has an EFI system partition where others have the scratch partition", () => {
  const [bios, uefi] = [formatPartitionTable(), formatPartitionTable("uefi")].map((text) => text.trim().split("\n"));
  assert.deepEqual(uefi?.slice(0, -1), bios?.slice(0, -1));
  const start = demoDiskLayout.scratch.offsetBytes / 512;
  assert.ok(uefi?.at(-1)?.startsWith(`start=${start}, `));
  assert.match(
    uefi?.at(-1) ?? "",
    new RegExp(`type=${efiPartition.type}, uuid=${efiPartition.partitionUuid}, name="EFI"`),
  );
  assert.equal(formatFstab("uefi"), `${formatFstab()}${efiFstabLine}\n`);
});

Deno.test("its Debian has the signed boot programs, and one for a BIOS does not", () => {
  const list = (firmware: "bios" | "uefi"): string =>
    formatMmdebstrapArguments({ suite: "trixie", overlays: [], firmware }, "t", "f").find((word) =>
      word.startsWith("--include=")
    ) ?? "";
  assert.match(list("uefi"), /shim-signed,grub-efi-amd64-signed,mokutil/);
  assert.doesNotMatch(list("bios"), /shim/);
});

Deno.test("the firmware finds shim, shim finds GRUB, GRUB finds /boot", async () => {
  const commands: string[] = [];
  const system = createMemorySystem();
  await makeEfiPartition(system, (argv) => Promise.resolve(void commands.push(argv.join(" "))), {
    work: "/w",
    tree: "/w/tree",
    files: listSignedGrub("b1"),
    place: { imagePath: "/w/disk.img", offsetBytes: 2048 * 1024 * 1024, sizeBytes: 255 * 1024 * 1024 },
  });
  assert.ok(commands.includes("mcopy -i /w/efi.img /w/tree/usr/lib/shim/shimx64.efi.signed ::EFI/BOOT/BOOTX64.EFI"));
  assert.ok(
    commands.includes(
      "mcopy -i /w/efi.img /w/tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::EFI/BOOT/grubx64.efi",
    ),
  );
  assert.equal(commands.at(-1), "dd if=/w/efi.img of=/w/disk.img bs=1M seek=2048 conv=notrunc,sparse");
  assert.ok(commands.includes("mmd -i /w/efi.img ::EFI ::EFI/BOOT ::EFI/debian"));
  assert.ok(commands.includes("mcopy -i /w/efi.img /w/efi-text ::EFI/debian/grub.cfg"));
  assert.equal(await system.readText("/w/efi-text"), formatEfiGrubConfig("b1"));
  assert.match(formatEfiGrubConfig("b1"), /^search\.fs_uuid b1 root\n/);
});

Deno.test("systemd-boot finds an entry with the disk's command line, and /boot is no partition of its own", () => {
  const entry = listSystemdBoot("root=UUID=b2 ro", "6.12").find(({ to }) => to === "loader/entries/debian.conf");
  assert.deepEqual(entry, {
    text: "title Debian\nlinux /debian/linux\ninitrd /debian/initrd.img\noptions root=UUID=b2 ro\n",
    to: "loader/entries/debian.conf",
  });
  for (const firmware of ["systemd-boot", "unified"] as const) {
    assert.equal(formatPartitionTable(firmware), formatPartitionTable("uefi"));
    const mountPoints = formatFstab(firmware).trim().split("\n").map((line) => line.split(" ")[1]);
    assert.deepEqual(mountPoints, ["/", "/boot/efi"]);
    const argv = formatMmdebstrapArguments({ suite: "trixie", overlays: [], firmware }, "t", "f");
    assert.match(argv.find((word) => word.startsWith("--include=")) ?? "", /systemd-boot,.*systemd-ukify/);
    assert.equal(argv.some((word) => word.includes("ukify build")), firmware === "unified");
  }
});
