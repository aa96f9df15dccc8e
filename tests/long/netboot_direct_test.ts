/** Desktops that start over a direct cable. */

import { testNetworkBoot, uefi } from "../qemu/network_boot.ts";

testNetworkBoot({ name: "with a BIOS", boot: { kind: "network" } });
testNetworkBoot({ name: "with UEFI, by TFTP", boot: { kind: "network" }, firmware: uefi });
testNetworkBoot({ name: "with UEFI, by HTTP", boot: { kind: "network", uefiBy: "http" }, firmware: uefi });
