import assert from "node:assert/strict";
import { sortStableNames } from "./storage_facts.ts";

Deno.test("of a disk's names the one with model and serial number comes first", () => {
  assert.equal(
    sortStableNames([
      "/dev/disk/by-path/pci-1",
      "/dev/disk/by-id/wwn-0x5",
      "/dev/disk/by-id/nvme-eui.0025",
      "/dev/disk/by-id/nvme-Samsung_SSD_980_S1",
      "/dev/disk/by-diskseq/1",
    ])[0],
    "/dev/disk/by-id/nvme-Samsung_SSD_980_S1",
  );
});
