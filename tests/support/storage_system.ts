/**
 * A machine that plays a storage system: the kernel's NVMe target with a name, secrets, ports and a disk as TrueNAS or
 * Ceph's gateway have them, and nothing of ours. It is the image's kernel and programs with another first program.
 */

import { archivePaddingBytes, buildCpio } from "../../lib/formats/cpio.ts";
import { crc32 } from "../../lib/media/crc32.ts";
import type { BootImage } from "../../lib/qemu/machine_pair.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { System } from "../../lib/system/system.ts";

export interface StorageSystem {
  readonly addresses: readonly string[];
  readonly subsystem: string;
  readonly namespace: number;
  /** The one host that may come. */
  readonly host: string;
  /** By what it knows the host first, and from the first line that is typed on its console on. */
  readonly hostKeys: readonly [string, string];
  readonly controllerKey: string;
}

/** A secret of DH-HMAC-CHAP as `nvme gen-dhchap-key` writes it. @param key 32 bytes */
export function formatDhchapSecret(key: Uint8Array): string {
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32(key), true);
  return `DHHC-1:00:${new Uint8Array([...key, ...sum]).toBase64()}:`;
}

function formatInit({ addresses, subsystem, namespace, host, hostKeys, controllerKey }: StorageSystem): string {
  return `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
busybox mount /dev
mkdir -p /dev/pts /dev/shm
busybox mount -a
exec </dev/console >/dev/console 2>&1
/usr/lib/stiefelsystem/start-devices
until [ -b /dev/vda ] && set -- /sys/class/net/*/device && [ -e "$1" ]; do busybox sleep 1; done
link=\${1%/device}
link=\${link##*/}
busybox ip link set dev "$link" up
${addresses.map((address) => `busybox ip address add ${address}/24 dev "$link"`).join("\n")}
set -e
modprobe nvmet-tcp
target=/sys/kernel/config/nvmet
[ -d $target ] || mount -t configfs configfs /sys/kernel/config
write() { printf %s "$1" >"$2"; }
disk=$target/subsystems/${subsystem} host=$target/hosts/${host}
mkdir "$disk" "$host" "$disk/namespaces/${namespace}"
write 0 "$disk/attr_allow_any_host"
write ${hostKeys[0]} "$host/dhchap_key"
write ${controllerKey} "$host/dhchap_ctrl_key"
write ffdhe2048 "$host/dhchap_dhgroup"
ln -s "$host" "$disk/allowed_hosts/"
write /dev/vda "$disk/namespaces/${namespace}/device_path"
write 1 "$disk/namespaces/${namespace}/enable"
${
    addresses.map((address, index) => {
      const port = `$target/ports/${index + 1}`;
      return `mkdir ${port}
write tcp ${port}/addr_trtype; write ipv4 ${port}/addr_adrfam
write ${address} ${port}/addr_traddr; write 4420 ${port}/addr_trsvcid
ln -s "$disk" ${port}/subsystems/`;
    }).join("\n")
  }
echo "storage system: ready"
read -r line
write ${hostKeys[1]} "$host/dhchap_key"
echo "storage system: another key"
while :; do busybox sleep 3600; done
`;
}

/** @param initrdPath where its initrd is put */
export async function layStorageSystem(
  system: System,
  image: BootImage,
  storage: StorageSystem,
  initrdPath: string,
): Promise<BootImage> {
  const initrd = await system.readFile(image.initrdPath);
  const own = buildCpio([
    { kind: "directory", path: "dev", mode: 0o755 },
    { kind: "file", path: "dev/null", mode: 0o666, content: new Uint8Array(0) },
    { kind: "file", path: "storage", mode: 0o755, content: new TextEncoder().encode(formatInit(storage)) },
  ]);
  const padding = new Uint8Array(archivePaddingBytes(initrd.length));
  const whole = new Uint8Array(await new Blob([initrd, padding, own]).arrayBuffer());
  await system.writeFile(initrdPath, whole, { mode: 0o600 });
  return { kernelPath: image.kernelPath, initrdPath };
}

/** The machine, which is the switch for all others, too. @param sockets where their cables end, in its directory */
export function storageSpec(image: BootImage, diskPath: string, sockets: readonly string[]): VmSpec {
  return {
    name: "storage",
    memoryMiB: 512,
    boot: {
      kind: "kernel",
      kernel: image.kernelPath,
      initrd: image.initrdPath,
      commandLine: "rdinit=/storage console=ttyS0,115200",
    },
    disks: [{ path: diskPath, format: "raw" }],
    links: [],
    console: "pipe",
    arguments: [
      ...sockets.flatMap((path, index) => [
        "-netdev",
        `stream,id=cable${index},server=on,addr.type=unix,addr.path=${path}`,
        "-netdev",
        `hubport,id=port${index},hubid=0,netdev=cable${index}`,
      ]),
      ...["-netdev", "hubport,id=own,hubid=0"],
      ...["-device", "virtio-net-pci,netdev=own,mac=52:54:00:5a:1e:f0,romfile="],
    ],
  };
}
