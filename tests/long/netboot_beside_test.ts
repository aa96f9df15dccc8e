/** Desktops that start beside another DHCP server. */

import { testNetworkBoot, uefi } from "../qemu/network_boot.ts";

const beside = { boot: { kind: "network" }, isBesideAnother: true } as const;

testNetworkBoot({ name: "with a BIOS, beside another DHCP server", ...beside });
testNetworkBoot({ name: "with UEFI, beside another DHCP server", ...beside, firmware: uefi });
