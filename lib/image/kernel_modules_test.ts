import assert from "node:assert/strict";
import {
  baseModulePatterns,
  matchModules,
  moduleName,
  parseModuleInfo,
  unreadIndexes,
  unwantedModulePatterns,
} from "./kernel_modules.ts";

const base = { wanted: baseModulePatterns, unwanted: unwantedModulePatterns };

// Paths of linux-image-6.12.117+deb13-amd64.
const wanted = [
  "drivers/net/ethernet/intel/e1000e/e1000e.ko.xz",
  "drivers/net/usb/r8152.ko.xz",
  "drivers/net/thunderbolt/thunderbolt_net.ko.xz",
  "drivers/thunderbolt/thunderbolt.ko.xz",
  "drivers/net/usb/cdc_ncm.ko.xz",
  "drivers/net/virtio_net.ko.xz",
  "drivers/net/wireguard/wireguard.ko.xz",
  "drivers/net/macvlan.ko.xz",
  "drivers/nvme/host/nvme-tcp.ko.xz",
  "drivers/nvme/target/nvmet-tcp.ko.xz",
  "drivers/block/nbd.ko.xz",
  "drivers/block/virtio_blk.ko.xz",
  "drivers/ata/ahci.ko.xz",
  "drivers/usb/storage/uas.ko.xz",
  "drivers/hid/usbhid/usbhid.ko.xz",
  "drivers/mmc/host/sdhci-pci.ko.xz",
  "drivers/md/dm-crypt.ko.xz",
  "fs/ext4/ext4.ko.xz",
  "fs/xfs/xfs.ko.xz",
  "fs/btrfs/btrfs.ko.xz",
  "fs/fat/vfat.ko.xz",
  "fs/f2fs/f2fs.ko.xz",
  "crypto/essiv.ko.xz",
];
const unwanted = [
  "sound/pci/hda/snd-hda-intel.ko.xz",
  "drivers/gpu/drm/i915/i915.ko.xz",
  "drivers/net/wireless/intel/iwlwifi/iwlwifi.ko.xz",
  "drivers/media/usb/uvc/uvcvideo.ko.xz",
  "drivers/bluetooth/btusb.ko.xz",
  "drivers/nvme/host/nvme-rdma.ko.xz",
  "lib/test_bpf.ko.xz",
];

Deno.test("every image has the drivers of wired networks, disks, file systems and keyboards", () => {
  assert.deepEqual(matchModules([...wanted, ...unwanted], base), wanted);
});

Deno.test("a Realtek card on USB gets its own driver before the generic ones, in every image and on desktops", async () => {
  const [text = "", ofDesktops] = await Promise.all(
    ["initrd/etc/modprobe.d/stiefelsystem.conf", "host/generic/usr/lib/stiefelsystem/stiefelsystem-drivers.conf"].map(
      async (path) => {
        const file = await Deno.readTextFile(new URL(`../../image/${path}`, import.meta.url));
        return file.replaceAll(/^#.*\n/gm, "");
      },
    ),
  );
  assert.equal(text, ofDesktops);
  for (const generic of ["cdc_ncm", "cdc_ether"]) {
    assert.match(text, new RegExp(`^softdep ${generic} pre: r8152$`, "m"));
    assert.deepEqual(matchModules([`drivers/net/usb/${generic}.ko.xz`], base).length, 1);
  }
});

Deno.test("a configuration's pattern may carry the ending .ko, with or without a star", () => {
  const paths = ["drivers/acpi/ec_sys.ko.xz", "drivers/acpi/ec_system.ko.xz"];
  for (const pattern of ["drivers/acpi/ec_sys.ko*", "drivers/acpi/ec_sys.ko", "drivers/acpi/ec_sys"]) {
    assert.deepEqual(matchModules(paths, { wanted: [pattern], unwanted: [] }), ["drivers/acpi/ec_sys.ko.xz"]);
  }
});

Deno.test("a module's name has underscores, whatever its file has", () => {
  assert.equal(moduleName("drivers/md/dm-crypt.ko.xz"), "dm_crypt");
  assert.equal(moduleName("drivers/net/virtio_net.ko"), "virtio_net");
});

Deno.test("needs and firmware are read from modinfo, of many modules at once", () => {
  const text = `filename:       /m/xfs.ko.xz
softdep:        pre: crc32c post: nls-utf8
depends:        libcrc32c
name:           xfs
filename:       /m/r8169.ko.xz
firmware:       rtl_nic/rtl8168h-2.fw
firmware:       rtl_nic/rtl8125b-2.fw
weakdep:        smsc
depends:        libphy,mdio-devres
filename:       /m/lone.ko.xz
depends:
`;
  assert.deepEqual(parseModuleInfo(text), {
    needs: ["crc32c", "nls_utf8", "libcrc32c", "smsc", "libphy", "mdio_devres"],
    firmware: ["rtl_nic/rtl8168h-2.fw", "rtl_nic/rtl8125b-2.fw"],
  });
});

Deno.test("of depmod's indexes those that kmod reads stay", () => {
  const names = [
    "modules.dep",
    "modules.dep.bin",
    "modules.alias",
    "modules.alias.bin",
    "modules.softdep",
    "modules.builtin.bin",
  ];
  const kept = names.filter((name) => !unreadIndexes.test(`lib/modules/6.12/${name}`));
  assert.deepEqual(kept, ["modules.dep.bin", "modules.alias.bin", "modules.softdep", "modules.builtin.bin"]);
});

/** A device on the bus with the attributes of sysfs; then its parents. */
type Chain = readonly [Readonly<Record<string, string>>, ...Readonly<Record<string, string>>[]];

/** What a line of udev's rules (udev(7)) with ACTION, SUBSYSTEM, ATTR and ATTRS writes when a device is added. */
function applyRule(line: string, subsystem: string, [device, ...parents]: Chain): Readonly<Record<string, string>> {
  const words = [...line.matchAll(/([A-Z]+)(?:\{(\w+)\})?(==|=)"([^"]*)"(?:, )?/g)];
  assert.equal(words.map(([word]) => word).join(""), line, "each word is known");
  const holds = words.filter(([, , , operator]) => operator === "==").every(([, key, name = "", , value]) => {
    switch (key) {
      case "ACTION":
        return value === "add";
      case "SUBSYSTEM":
        return value === subsystem;
      case "ATTR":
        return device[name] === value;
      case "ATTRS":
        return [device, ...parents].some((each) => each[name] === value);
      default:
        throw new Error(`${key} is not known`);
    }
  });
  const writes = words.filter(([, , , operator]) => operator === "=").map((
    [, , name = "", , value = ""],
  ) => [name, value]);
  return holds ? Object.fromEntries(writes) : {};
}

Deno.test("a dock on Thunderbolt is let in where an IOMMU guards memory; nothing is written to another computer", async () => {
  const rules = await Deno.readTextFile(
    new URL("../../image/initrd/usr/lib/udev/rules.d/85-thunderbolt.rules", import.meta.url),
  );
  const [line = "", ...others] = rules.split("\n").filter((each) => !/^(#|$)/.test(each));
  assert.deepEqual(others, []);
  const router = { authorized: "1", device_name: "host" };
  const dock = { authorized: "0", device_name: "dock" };
  // drivers/thunderbolt/xdomain.c: it has no "authorized"; below it is the service that thunderbolt-net drives.
  const computer = { device_name: "desktop", rx_lanes: "2", rx_speed: "20.0 Gb/s" };
  const service = { key: "network", prtcid: "1" };
  for (
    const [subsystem, chain, written] of [
      ["thunderbolt", [dock, router, { iommu_dma_protection: "1" }], { authorized: "1" }],
      ["thunderbolt", [dock, router, { iommu_dma_protection: "0" }], {}],
      ["thunderbolt", [dock, router, {}], {}],
      ["thunderbolt", [{ ...dock, authorized: "1" }, router, { iommu_dma_protection: "1" }], {}],
      ["thunderbolt", [computer, router, { iommu_dma_protection: "1" }], {}],
      ["thunderbolt", [service, computer, router, { iommu_dma_protection: "1" }], {}],
      ["usb", [dock, router, { iommu_dma_protection: "1" }], {}],
    ] as const
  ) assert.deepEqual(applyRule(line, subsystem, chain), written, JSON.stringify(chain));
});
