import assert from "node:assert/strict";
import type { KernelSignature } from "./kernel_signers.ts";
import { judgeKernel, type KernelTrust, parseTrustedKeys } from "./kernel_trust.ts";

/** As root sees it on Debian 13, started with Secure Boot by OVMF and Debian's shim. */
const text = await Deno.readTextFile(new URL("../../tests/fixtures/secure_boot/proc-keys", import.meta.url));
const trustedKeys = parseTrustedKeys(text);

Deno.test("the certificates among the kernel's keys have a name and a number", () => {
  assert.deepEqual(trustedKeys?.at(2), {
    name: "Debian Secure Boot CA",
    id: "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1",
  });
  assert.equal(trustedKeys?.length, 4);
});

Deno.test("the trusted keys are unknown where no certificate is listed", () => {
  assert.equal(parseTrustedKeys(text.split("\n").filter((line) => !line.includes("asymmetri")).join("\n")), undefined);
  assert.equal(parseTrustedKeys(""), undefined);
});

const debian = "Debian Secure Boot CA";
const debianId = "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1";
const signedBy = (names: readonly string[], keyIds: readonly string[] = []): KernelSignature => ({
  kind: "signed",
  names,
  keyIds,
});
const locked = { lockdown: "integrity", trustedKeys };

const cases: readonly (readonly [
  name: string,
  demands: Parameters<typeof judgeKernel>[0],
  signature: KernelSignature | undefined,
  wanted: KernelTrust,
])[] = [
  ["not locked down: any kernel", { ...locked, lockdown: undefined }, { kind: "none" }, { kind: "not-checked" }],
  ["not locked down, not known", { ...locked, lockdown: undefined }, undefined, { kind: "not-checked" }],
  ["locked down, the signature not known yet", locked, undefined, { kind: "not-known" }],
  ["not signed", locked, { kind: "none" }, { kind: "unsigned" }],
  ["signed, and changed", locked, { kind: "broken" }, { kind: "changed" }],
  ["keys that cannot be seen", { ...locked, trustedKeys: undefined }, signedBy([debian]), {
    kind: "not-known",
    signer: debian,
  }],
  ["no key at all", { ...locked, trustedKeys: [] }, signedBy([debian]), { kind: "untrusted", signer: debian }],
  ["by number and name", locked, signedBy(["Signer", debian], [debianId]), { kind: "trusted", signer: debian }],
  ["by number alone: names in an encoding we do not read", locked, signedBy([], [debianId]), {
    kind: "trusted",
    signer: "an unknown signer",
  }],
  ["by name alone: a certificate without a number", locked, signedBy([debian]), { kind: "trusted", signer: debian }],
  ["the signer's own certificate, its issuer unknown", locked, signedBy([debian, "Some root"], ["00"]), {
    kind: "trusted",
    signer: "Some root",
  }],
  [
    "organization and name",
    { ...locked, trustedKeys: [{ name: "Canonical Ltd.: Canonical CA", id: "1" }] },
    signedBy(["Canonical CA"]),
    {
      kind: "trusted",
      signer: "Canonical CA",
    },
  ],
  ["another distribution", locked, signedBy(["kernel-signer", "Fedora Secure Boot CA"], ["ab", "cd"]), {
    kind: "untrusted",
    signer: "Fedora Secure Boot CA",
  }],
  ["a name that only ends like a trusted one", locked, signedBy(["Boot CA"]), { kind: "untrusted", signer: "Boot CA" }],
  ["a part of a number", locked, signedBy(["x"], [debianId.slice(8)]), { kind: "untrusted", signer: "x" }],
  ["a name that nobody gave", locked, signedBy([""]), { kind: "untrusted", signer: "" }],
];

for (const [name, demands, signature, wanted] of cases) {
  Deno.test(`whether a kernel is started here: ${name}`, () => {
    assert.deepEqual(judgeKernel(demands, signature), wanted);
  });
}
