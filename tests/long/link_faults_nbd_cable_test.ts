/** What can happen to the cable while a desktop has its disk by NBD. */

import { cableFaults, testLinkFaults } from "../qemu/link_faults.ts";

testLinkFaults("nbd", { what: "the cable", faults: cableFaults });
