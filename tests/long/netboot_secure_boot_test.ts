/** Desktops with Secure Boot that start over the network. */

import { secureBoot, testNetworkBoot } from "../qemu/network_boot.ts";

const locked = { boot: { kind: "network" }, firmware: secureBoot, hasSecureBoot: true } as const;

testNetworkBoot({ name: "with Secure Boot", ...locked });
testNetworkBoot({ name: "with Secure Boot, beside another DHCP server", ...locked, isBesideAnother: true });
