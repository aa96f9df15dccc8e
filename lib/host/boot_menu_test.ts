import assert from "node:assert/strict";
import { isRecovery } from "../boot/menu/recovery.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { gatherGrubMenu, type GrubMenuFacts, planGrubEntry } from "./boot_menu.ts";
import { openHostTree } from "./tree.ts";

const image = {
  kernel: "/var/local/lib/stiefelsystem/kernel",
  initrd: "/var/local/lib/stiefelsystem/initrd",
  commandLine: "quiet stiefel.role=server stiefel.on_end=reboot",
};
const facts: GrubMenuFacts = {
  directory: "/boot/grub",
  custom: undefined,
  fileSystem: { uuid: "U-1", type: "ext4", source: "/dev/nvme0n1p2", root: "/", target: "/" },
};

Deno.test("P18: GRUB gets an entry in custom.cfg, by the file system's UUID", () => {
  assert.deepEqual(planGrubEntry(facts, image), {
    path: "/boot/grub/custom.cfg",
    text: `# Installed by stiefelsystem. grub.cfg reads this file at its end; the entry is never the default one.
menuentry 'Stiefelsystem: lend the disk of this computer to a desktop' --class stiefelsystem --id stiefelsystem {
	insmod part_gpt
	insmod part_msdos
	insmod ext2
	search --no-floppy --fs-uuid --set=root U-1
	linux /var/local/lib/stiefelsystem/kernel quiet stiefel.role=server stiefel.on_end=reboot
	initrd /var/local/lib/stiefelsystem/initrd
}
`,
  });
});

Deno.test("P18: paths are those that GRUB sees: with the subvolume, without what is mounted above", () => {
  const onBtrfs = { ...facts.fileSystem, type: "btrfs", source: "/dev/sda2[/@]", root: "/@" };
  const btrfs = planGrubEntry({ ...facts, fileSystem: onBtrfs }, image);
  assert.match(btrfs?.text ?? "", /insmod btrfs\n.*\n\tlinux \/@\/var\/local\/lib\/stiefelsystem\/kernel quiet/);
  const own = { ...facts.fileSystem, target: "/var", source: "/dev/sda3" };
  assert.match(
    planGrubEntry({ ...facts, fileSystem: own }, image)?.text ?? "",
    /\tlinux \/local\/lib\/stiefelsystem\/k/,
  );
});

Deno.test("P18: no entry that GRUB could not start, and none over the user's own custom.cfg", () => {
  const at = (change: Partial<GrubMenuFacts["fileSystem"]>): GrubMenuFacts => ({
    ...facts,
    fileSystem: { ...facts.fileSystem, ...change },
  });
  const cases: readonly (readonly [string, GrubMenuFacts, string])[] = [
    ["encrypted, or LVM", at({ source: "/dev/mapper/root" }), image.commandLine],
    ["a file system GRUB may not read", at({ type: "bcachefs" }), image.commandLine],
    ["somebody's own file", { ...facts, custom: "menuentry mine {\n}\n" }, image.commandLine],
    ["words that GRUB would expand", facts, "console=$tty"],
    ["words that end the entry", facts, "a } b"],
    ["a line break", facts, "a\nb"],
  ];
  for (const [what, given, commandLine] of cases) {
    assert.equal(planGrubEntry(given, { ...image, commandLine }), undefined, what);
  }
  assert.ok(planGrubEntry({ ...facts, custom: "# Installed by stiefelsystem. Older\n" }, image) !== undefined);
});

Deno.test("P18: the entry is offered where a grub.cfg reads custom.cfg, and no desktop ever gets it", async () => {
  const gather = async (grub: string): Promise<GrubMenuFacts | undefined> => {
    const system = createMemorySystem({
      files: { "/boot/grub2/grub.cfg": grub, "/var/x": "" },
      commands: [(argv) => argv.at(-1) === "/var" ? "U-1 xfs /dev/vda3 / /var\n" : undefined],
    });
    return await gatherGrubMenu(system, await openHostTree(system), image.kernel);
  };
  assert.deepEqual(await gather("source ${config_directory}/custom.cfg\n"), {
    directory: "/boot/grub2",
    custom: undefined,
    fileSystem: { uuid: "U-1", type: "xfs", source: "/dev/vda3", root: "/", target: "/var" },
  });
  assert.equal(await gather("menuentry Linux {\n}\n"), undefined);
  assert.ok(isRecovery({ title: "Stiefelsystem", commandLine: image.commandLine }));
});
