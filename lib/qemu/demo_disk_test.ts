import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { readFileOnDemoDisk } from "./demo_disk.ts";
import { formatMmdebstrapArguments } from "./demo_disk_recipe.ts";
import { demoDiskLayout, formatFstab, formatGrubConfig, formatPartitionTable } from "./demo_disk_layout.ts";

Deno.test("the partitions lie one after the other, aligned to a mebibyte, and leave room for the second table", () => {
  const { boot, root, scratch, sizeBytes } = demoDiskLayout;
  let end = 1024 * 1024;
  for (const part of [boot, root, scratch]) {
    assert.equal(part.offsetBytes % (1024 * 1024), 0);
    assert.ok(part.offsetBytes >= end);
    end = part.offsetBytes + part.sizeBytes;
  }
  // The backup table is 33 sectors at the end (UEFI specification, 5.3).
  assert.ok(end <= sizeBytes - 33 * 512);
});

Deno.test("the table names every partition by its fixed UUID", () => {
  const table = formatPartitionTable();
  assert.match(table, /^label: gpt\n/);
  for (const part of [demoDiskLayout.boot, demoDiskLayout.root, demoDiskLayout.scratch]) {
    assert.ok(table.includes(`uuid=${part.partitionUuid}`));
  }
});

Deno.test("fstab and boot entry name the same root, by UUID", () => {
  const uuid = demoDiskLayout.root.fileSystemUuid;
  assert.ok(formatFstab().includes(`UUID=${uuid} / ext4`));
  assert.ok(formatGrubConfig("6.12.0-amd64").includes(`linux\t/vmlinuz-6.12.0-amd64 root=UUID=${uuid} ro `));
});

Deno.test("grub.cfg has its recovery entry, as a real one has, and not first", () => {
  const text = formatGrubConfig("6.12.0-amd64");
  const titles = [...text.matchAll(/^\s*(?:menuentry|submenu) '([^']+)'/gm)].map((match) => match[1]);
  assert.deepEqual(titles, [
    "Debian GNU/Linux",
    "Advanced options for Debian GNU/Linux",
    "Debian GNU/Linux, with Linux 6.12.0-amd64",
    "Debian GNU/Linux, with Linux 6.12.0-amd64 (recovery mode)",
  ]);
  assert.equal(text.split("{").length, text.split("}").length);
  assert.match(text, / ro single /);
});

Deno.test("files go onto the disk before the kernel does, so that its initramfs is made with them", () => {
  const argv = formatMmdebstrapArguments({ suite: "trixie", overlays: ["/p/image/demo"] }, "/w/tree.tar", "/w/files");
  assert.ok(argv.includes("--essential-hook=sync-in /p/image/demo /"));
  assert.ok(argv.includes("--essential-hook=sync-in /w/files /"));
  assert.deepEqual(argv.slice(-2), ["trixie", "/w/tree.tar"]);
  const mirrored = formatMmdebstrapArguments(
    { suite: "trixie", mirror: "http://mirror.example/debian", overlays: [] },
    "t",
    "f",
  );
  assert.equal(mirrored.at(-1), "http://mirror.example/debian");
});

Deno.test("a file on the disk is read without mounting, and a missing one is no error", async () => {
  const system = createMemorySystem({
    commands: [
      (argv) =>
        argv[2] === "cat /there"
          ? "token=1\n"
          : { exitCode: 0, stdout: "", stderr: "debugfs 1.47.0\n/gone: File not found by ext2_lookup\n" },
    ],
  });
  assert.equal(await readFileOnDemoDisk(system, "/d.img", "/there"), "token=1\n");
  assert.equal(await readFileOnDemoDisk(system, "/d.img", "/gone"), undefined);
  assert.equal(system.ran[0]?.at(-1), `/d.img?offset=${demoDiskLayout.root.offsetBytes}`);
});
