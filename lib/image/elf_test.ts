import assert from "node:assert/strict";
import { readElfMachine, readNeededLibraries } from "./elf.ts";

/**
 * A 64-bit little-endian ELF file with a PT_LOAD and a PT_DYNAMIC, whose strings start at file offset 0x200 and
 * address 0x1200.
 */
function makeElf(names: readonly string[]): Uint8Array {
  const strings = `\0${names.join("\0")}\0`;
  const bytes = new Uint8Array(0x200 + strings.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const put = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  put(0x20, 0x40); // program headers
  view.setUint16(0x38, 2, true);
  view.setUint32(0x40, 1, true); // PT_LOAD
  put(0x40 + 8, 0);
  put(0x40 + 16, 0x1000);
  put(0x40 + 32, bytes.length);
  view.setUint32(0x78, 2, true); // PT_DYNAMIC
  put(0x78 + 8, 0x100);
  put(0x78 + 32, 0x100);
  let at = 0x100;
  let offset = 1;
  for (const name of names) {
    put(at, 1); // DT_NEEDED
    put(at + 8, offset);
    offset += name.length + 1;
    at += 16;
  }
  put(at, 5); // DT_STRTAB
  put(at + 8, 0x1200);
  bytes.set(new TextEncoder().encode(strings), 0x200);
  return bytes;
}

Deno.test("the libraries of an ELF file are read from its dynamic section", () => {
  assert.deepEqual(readNeededLibraries(makeElf(["libc.so.6", "libudev.so.1"])), ["libc.so.6", "libudev.so.1"]);
  assert.deepEqual(readNeededLibraries(makeElf([])), []);
});

Deno.test("what is no ELF file of this kind has no libraries", () => {
  assert.equal(readNeededLibraries(new TextEncoder().encode("#!/bin/sh\n".padEnd(100))), undefined);
  assert.equal(readNeededLibraries(new Uint8Array()), undefined);
  const other = makeElf([]);
  other[4] = 1; // ELFCLASS32
  assert.equal(readNeededLibraries(other), undefined);
});

Deno.test("an ELF file that is cut off never crashes the reader", () => {
  const whole = makeElf(["libc.so.6"]);
  for (let length = 0; length < whole.length; length++) {
    const needs = readNeededLibraries(whole.subarray(0, length));
    assert.ok(needs === undefined || Array.isArray(needs));
  }
});

Deno.test("an ELF file tells its processor", () => {
  const bytes = makeElf([]);
  new DataView(bytes.buffer).setUint16(18, 183, true);
  assert.equal(readElfMachine(bytes.subarray(0, 64)), 183);
  assert.equal(readElfMachine(bytes.subarray(0, 63)), undefined);
  assert.equal(readElfMachine(new TextEncoder().encode("#!/bin/sh\n".repeat(9))), undefined);
});
