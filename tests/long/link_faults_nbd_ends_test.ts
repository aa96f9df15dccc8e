/** What can happen to the ends of its link while a desktop has its disk by NBD. */

import { endFaults, testLinkFaults } from "../qemu/link_faults.ts";

testLinkFaults("nbd", { what: "the ends of the link", faults: endFaults });
