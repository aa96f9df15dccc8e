import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { activateVolume, listVolumes, parseMapperName, parseVolumes } from "./lvm.ts";

Deno.test("volumes that write when they are activated are recognized", () => {
  // lvs 2.03.31
  const text = [
    "  vg|boot|linear|public",
    "  vg|wide|striped|public",
    "  vg|origin|linear|public,origin,thickorigin,multithickorigin",
    "  vg|snap|linear|public,snapshot,thicksnapshot",
    "  vg|pool|thin,pool|private",
    "  vg|thin|thin,sparse|public",
    "  vg|mirror|raid,raid1|public",
    "",
  ].join("\n");
  assert.deepEqual(parseVolumes(text).filter((volume) => volume.isPlain).map((volume) => volume.path), [
    "/dev/vg/boot",
    "/dev/vg/wide",
    "/dev/vg/origin",
  ]);
});

Deno.test("a volume is activated read-only, from the named devices only, without any write to them", async () => {
  const system = createMemorySystem({ commands: [() => "  vg|boot|linear|public\n"] });
  const [volume] = await listVolumes(system, ["/dev/vda2"]);
  assert.ok(volume !== undefined);
  {
    await using opened = await activateVolume(system, ["/dev/vda2"], volume);
    assert.equal(opened.path, "/dev/vg/boot");
  }
  const config = "backup{backup=0 archive=0} global{metadata_read_only=1}";
  assert.deepEqual(system.ran.slice(1), [
    [
      ...["lvm", "lvchange", "--devices", "/dev/vda2"],
      ...["--config", `${config} activation{read_only_volume_list=["vg/boot"]}`],
      ...["--activate", "y", "vg/boot"],
    ],
    ["lvm", "lvchange", "--devices", "/dev/vda2", "--config", config, "--activate", "n", "vg/boot"],
  ]);
});

Deno.test("device mapper names are taken apart", () => {
  assert.deepEqual(parseMapperName("laptop-root"), { group: "laptop", name: "root" });
  assert.deepEqual(parseMapperName("my--laptop-swap--1"), { group: "my-laptop", name: "swap-1" });
  for (const other of ["luks", "laptop--root", "vg-pool-tpool"]) assert.equal(parseMapperName(other), undefined);
});
