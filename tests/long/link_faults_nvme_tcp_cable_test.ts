/** What can happen to the cable while a desktop has its disk by NVMe/TCP. */

import { cableFaults, testLinkFaults } from "../qemu/link_faults.ts";

testLinkFaults("nvme-tcp", { what: "the cable", faults: cableFaults });
