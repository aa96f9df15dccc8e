import assert from "node:assert/strict";
import { findFlockHolder } from "./flock_holder.ts";

const procLocks = `1: POSIX  ADVISORY  WRITE 700 fe:01:2 0 EOF
2: FLOCK  ADVISORY  WRITE 812 08:02:2 0 EOF
3: FLOCK  ADVISORY  WRITE 1234 fe:01:2 0 EOF
3: -> FLOCK  ADVISORY  WRITE 1300 fe:01:2 0 EOF
4: FLOCK  ADVISORY  WRITE 0 fe:01:99 0 EOF
`;

Deno.test("the holder of a lock is found by device and inode, else by inode", () => {
  assert.equal(findFlockHolder(procLocks, { device: 0xfe01, inode: 2 }), 1234);
  assert.equal(findFlockHolder(procLocks, { device: 0x0802, inode: 2 }), 812);
  assert.equal(findFlockHolder(procLocks, { device: 0x003a, inode: 2 }), 812);
  assert.equal(findFlockHolder(procLocks, { device: 0xfe01, inode: 99 }), undefined);
  assert.equal(findFlockHolder("", { device: 0xfe01, inode: 2 }), undefined);
});
