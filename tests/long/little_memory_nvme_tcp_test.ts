/** A desktop and a laptop with little memory, the disk by NVMe/TCP. */

import { testLittleMemory } from "../qemu/little_memory.ts";

testLittleMemory("nvme-tcp");
