/** A desktop and a laptop with little memory, the disk by NBD. */

import { testLittleMemory } from "../qemu/little_memory.ts";

testLittleMemory("nbd");
