/** What can happen to the ends of its link while a desktop has its disk by NVMe/TCP. */

import { endFaults, testLinkFaults } from "../qemu/link_faults.ts";

testLinkFaults("nvme-tcp", { what: "the ends of the link", faults: endFaults });
