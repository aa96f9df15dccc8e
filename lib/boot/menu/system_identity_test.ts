import assert from "node:assert/strict";
import { findOwner, type OwnedEntry, type Owner, type SystemIdentity } from "./system_identity.ts";

const [mine, other] = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
const system: SystemIdentity = { machineId: mine, tokens: ["mine", mine], rootSource: "UUID=1" };
const plain: OwnedEntry = { id: "a.conf", kernel: "/k", commandLine: "root=UUID=2 ro" };

const cases: Readonly<Record<string, readonly [Partial<OwnedEntry>, Owner]>> = {
  "nothing tells": [{}, "unknown"],
  "its machine-id": [{ machineId: mine }, "ours"],
  "another machine-id": [{ machineId: other }, "foreign"],
  "another machine-id, but this root (made anew)": [{ machineId: other, commandLine: "root=UUID=1" }, "unknown"],
  "the token in the file name": [{ id: "mine-6.12.conf" }, "ours"],
  "the token in the kernel's directory": [{ kernel: "/MINE/6.12/linux" }, "ours"],
  "a name that begins like the token": [{ id: "miners.conf" }, "unknown"],
  "another machine-id in the file name": [{ id: `${other}-6.12.conf` }, "foreign"],
  "another machine-id in the kernel's directory": [{ kernel: `/${other}/6.12/linux` }, "foreign"],
  "this root, written otherwise": [{ commandLine: "root=/dev/disk/by-uuid/1" }, "ours"],
  "this root": [{ commandLine: 'quiet root="UUID=1" ro' }, "ours"],
};
for (const [what, [entry, owner]] of Object.entries(cases)) {
  Deno.test(`an entry's owner: ${what}`, () => assert.equal(findOwner({ ...plain, ...entry }, system), owner));
}

Deno.test("without a known system nothing is foreign", () =>
  assert.equal(findOwner({ ...plain, machineId: other }, undefined), "unknown"));
