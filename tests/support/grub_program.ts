/** A GRUB in one piece as far as our reader looks: a section "mods" with what grub-mkimage puts there. */

import { makeProgram } from "./signed_kernel.ts";

/** grub_module_types. */
export const moduleTypes = { elf: 0, memdisk: 1, config: 2, prefix: 3 } as const;

export interface GrubModule {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export function textModule(type: number, text: string): GrubModule {
  const bytes = new TextEncoder().encode(`${text}\0`);
  return { type, bytes };
}

const peOffset = 64;
const machineX64 = 0x8664;
const optionalBytes = 240;
const modsOffset = 2048;

export function makeGrub(modules: readonly GrubModule[]): Uint8Array {
  const sized = modules.map(({ type, bytes }) => ({ type, bytes, length: 8 + Math.ceil(bytes.length / 4) * 4 }));
  const size = 24 + sized.reduce((sum, { length }) => sum + length, 0);
  const program = makeProgram(modsOffset + size);
  program.fill(0, 512);
  const view = new DataView(program.buffer);
  // "MZ"
  view.setUint16(0, 0x4d5a);
  view.setUint16(peOffset + 4, machineX64, true);
  view.setUint16(peOffset + 6, 1, true);
  view.setUint16(peOffset + 20, optionalBytes, true);
  const section = peOffset + 24 + optionalBytes;
  program.set(new TextEncoder().encode("mods"), section);
  // In memory, and in the file.
  view.setUint32(section + 8, size, true);
  view.setUint32(section + 16, size, true);
  view.setUint32(section + 20, modsOffset, true);
  view.setUint32(modsOffset, 0x676d_696d, true);
  view.setBigUint64(modsOffset + 8, 24n, true);
  view.setBigUint64(modsOffset + 16, BigInt(size), true);
  let at = modsOffset + 24;
  for (const { type, bytes, length } of sized) {
    view.setUint32(at, type, true);
    view.setUint32(at + 4, length, true);
    program.set(bytes, at + 8);
    at += length;
  }
  return program;
}
