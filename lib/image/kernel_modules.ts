/**
 * Which kernel modules go into the image: a list of patterns, and what the modules depend on. Data and pure functions.
 */
import { transportNeeds } from "../export/needs.ts";
import { tunnelNeeds } from "../export/tunnel/needs.ts";
import { compileGlobs } from "./glob.ts";

/** Wanted in every image; relative to /usr/lib/modules/VERSION/kernel, without the ending ".ko". */
export const baseModulePatterns: readonly string[] = [
  // Wired network: PCI, USB, Thunderbolt, virtual machines.
  "drivers/net/ethernet",
  "drivers/net/phy",
  "drivers/net/mdio",
  "drivers/net/pcs",
  "drivers/net/usb",
  "drivers/net/thunderbolt",
  "drivers/net/virtio_net",
  "drivers/net/vmxnet3",
  "drivers/net/hyperv",
  "drivers/net/xen-netfront",
  "drivers/net/macvlan",
  "drivers/net/veth",
  "drivers/net/wireguard",
  "drivers/ptp/ptp_kvm",
  "net/8021q",
  "net/packet",
  "net/unix",
  "net/tls",
  // Disks.
  "drivers/ata",
  "drivers/nvme/common",
  "drivers/nvme/host",
  "drivers/nvme/target",
  "drivers/scsi/scsi_mod",
  "drivers/scsi/scsi_common",
  "drivers/scsi/sd_mod",
  "drivers/scsi/sr_mod",
  "drivers/scsi/virtio_scsi",
  "drivers/scsi/vmw_pvscsi",
  "drivers/scsi/hv_storvsc",
  "drivers/scsi/hpsa",
  "drivers/scsi/megaraid",
  "drivers/scsi/mpt3sas",
  "drivers/scsi/mpi3mr",
  "drivers/scsi/smartpqi",
  "drivers/scsi/aacraid",
  "drivers/scsi/isci",
  "drivers/message/fusion",
  "drivers/block/loop",
  ...transportNeeds.flatMap(({ server }) => server.kernelModules),
  ...tunnelNeeds.kernelModules,
  "drivers/block/virtio_blk",
  "drivers/block/xen-blkfront",
  "drivers/mmc",
  "drivers/misc/cardreader",
  "drivers/memstick",
  "drivers/ufs",
  "drivers/cdrom",
  "drivers/nvdimm",
  // Intel RST and VMD hide NVMe disks behind them.
  "drivers/pci/controller",
  "drivers/md/dm-*",
  "drivers/md/md-mod",
  "drivers/md/persistent-data",
  "drivers/md/raid*",
  "drivers/md/bcache",
  // File systems that may hold /boot or the root it is on.
  "fs/btrfs",
  "fs/ext4",
  "fs/exfat",
  "fs/f2fs",
  "fs/fat",
  "fs/isofs",
  "fs/jfs",
  "fs/nls",
  "fs/overlayfs",
  "fs/squashfs",
  "fs/xfs",
  "fs/efivarfs",
  "fs/erofs",
  // Ciphers and checksums are asked for by name at run time, so no dependency tells of them.
  "arch/*/crypto",
  "crypto",
  "lib",
  // Buses, and a keyboard for the passphrase.
  "drivers/thunderbolt",
  "drivers/usb/common",
  "drivers/usb/core",
  "drivers/usb/host",
  "drivers/usb/dwc3",
  "drivers/usb/roles",
  "drivers/usb/storage",
  "drivers/usb/typec",
  "drivers/hid/hid",
  "drivers/hid/hid-generic",
  "drivers/hid/hid-apple",
  "drivers/hid/hid-cherry",
  "drivers/hid/hid-hyperv",
  "drivers/hid/hid-lenovo",
  "drivers/hid/hid-logitech*",
  "drivers/hid/hid-microsoft",
  "drivers/hid/i2c-hid",
  "drivers/hid/intel-ish-hid",
  "drivers/hid/surface-hid",
  "drivers/hid/usbhid",
  "drivers/input/evdev",
  "drivers/input/keyboard",
  "drivers/input/serio",
  "drivers/i2c/busses",
  "drivers/mfd/intel-lpss*",
  "drivers/mfd/lpc_ich",
  "drivers/platform/surface",
  "drivers/spi/spi-pxa2xx*",
  "drivers/virtio",
  "drivers/hv",
  "drivers/char/hw_random",
  // the battery, and the beep that warns of it
  "drivers/acpi/ac",
  "drivers/acpi/battery",
  "drivers/input/misc/pcspkr",
  "drivers/acpi/button",
  "drivers/acpi/nfit",
  "drivers/firmware/efi",
  "drivers/firmware/qemu_fw_cfg",
  "drivers/watchdog/softdog",
];

/** Matched by a pattern above, and of no use: tests, cards of clouds and data centres, fabrics, pictures over USB. */
export const unwantedModulePatterns: readonly string[] = [
  "drivers/net/ethernet/amazon",
  "drivers/net/ethernet/brocade",
  "drivers/net/ethernet/cavium",
  "drivers/net/ethernet/google",
  "drivers/net/ethernet/huawei",
  "drivers/net/ethernet/pensando",
  "drivers/net/ethernet/sfc/siena",
  "drivers/md/dm-vdo",
  "drivers/usb/typec/altmodes",
  "drivers/net/ethernet/netronome",
  "drivers/net/ethernet/mellanox/mlxsw",
  "drivers/nvme/host/nvme-fc",
  "drivers/nvme/host/nvme-rdma",
  "drivers/nvme/target/nvme-fcloop",
  "drivers/nvme/target/nvmet-fc",
  "drivers/nvme/target/nvmet-rdma",
  "drivers/md/dm-log-writes",
  "drivers/md/dm-flakey",
  "lib/test_*",
  "lib/*-error-inject",
];

export interface ModulePatterns {
  readonly wanted: readonly string[];
  readonly unwanted: readonly string[];
}

/**
 * The modules that patterns ask for.
 * @param paths of module files, relative to /usr/lib/modules/VERSION/kernel
 */
export function matchModules(paths: readonly string[], { wanted, unwanted }: ModulePatterns): string[] {
  const isWanted = compileGlobs(wanted.map(withoutEnding));
  const isUnwanted = compileGlobs(unwanted.map(withoutEnding));
  return paths.filter((path) => isWanted(withoutEnding(path)) && !isUnwanted(withoutEnding(path)));
}

/** "drivers/net/veth.ko.xz" -> "drivers/net/veth"; also takes the ".ko*" of a pattern. */
function withoutEnding(path: string): string {
  return path.replace(/\.ko(\*|\.\w+)?$/, "");
}

/** A module's name as the kernel knows it: "virtio_net" for "drivers/net/virtio-net.ko.xz". */
export function moduleName(path: string): string {
  return withoutEnding(path.slice(path.lastIndexOf("/") + 1)).replaceAll("-", "_");
}

/** Written by depmod for people and older programs; kmod and udev read the .bin files (depmod(8)). */
export const unreadIndexes = /\/modules\.(alias|dep|symbols|symbols\.bin|order|builtin|builtin\.modinfo|weakdep)$/;

export interface ModuleInfo {
  /** Names of modules that are needed, or wanted before or after. */
  readonly needs: readonly string[];
  /** Files below /usr/lib/firmware. */
  readonly firmware: readonly string[];
}

/** Reads what modinfo(8) says about any number of modules, all taken together. */
export function parseModuleInfo(text: string): ModuleInfo {
  const needs = new Set<string>();
  const firmware = new Set<string>();
  for (const line of text.split("\n")) {
    const [, field, value = ""] = /^(depends|softdep|weakdep|firmware):\s*(.*)$/.exec(line) ?? [];
    if (field === "firmware") firmware.add(value);
    // "softdep: pre: a b post: c"
    else if (field !== undefined) {
      value.split(/[\s,]+/).filter((word) => !/^$|:$/.test(word)).forEach((word) => needs.add(word));
    }
  }
  return { needs: [...needs].map((name) => name.replaceAll("-", "_")), firmware: [...firmware] };
}
