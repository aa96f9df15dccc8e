import assert from "node:assert/strict";
import { makeGrub, moduleTypes, textModule } from "../../tests/support/grub_program.ts";
import { makeProgram, signProgram } from "../../tests/support/signed_kernel.ts";
import { chooseChain, type LoaderPair } from "./choose_chain.ts";
import { readGrubDirectory } from "./signed_grub.ts";

const vendor = "Fedora Secure Boot CA";
const kernel = { kind: "signed", names: ["kernel-signer", vendor], keyIds: [] } as const;

/** With the vendor's name in the middle, as a certificate has it. */
function makeShim(name = vendor): Uint8Array {
  const program = makeProgram(4096);
  program.set(new TextEncoder().encode(name), 2000);
  return signProgram(program, ["Microsoft Corporation UEFI CA 2011"]);
}

function signedGrub(prefix = "/EFI/fedora", signer = vendor): Uint8Array {
  return signProgram(makeGrub([textModule(moduleTypes.prefix, prefix)]), ["grub2-signer", signer]);
}

const pair = (change: Partial<LoaderPair> = {}): LoaderPair => ({
  place: "/dev/sda1, EFI/fedora",
  shim: makeShim(),
  grub: signedGrub(),
  ...change,
});

Deno.test("the pair whose shim vouches for GRUB and kernel is taken, wherever it lies", () => {
  const other = pair({ shim: makeShim("Debian Secure Boot CA") });
  const { kind, ...rest } = chooseChain([other, pair()], kernel);
  assert.equal(kind, "chain");
  assert.deepEqual(rest, { chain: { directory: "fedora", shim: makeShim(), grub: signedGrub() } });
});

const refused: Readonly<Record<string, readonly [LoaderPair[], RegExp]>> = {
  "there is none": [[], /no EFI system partition with shimx64.efi and grubx64.efi/],
  "its shim is not signed": [[pair({ shim: makeProgram(4096) })], /EFI\/fedora: its shim is not signed/],
  "its loader is no GRUB": [[pair({ grub: signProgram(makeProgram(), [vendor]) })], /configuration is not known/],
  "its GRUB was built elsewhere": [[pair({ grub: signedGrub("/boot/grub") })], /configuration is not known/],
  "its GRUB is not signed": [
    [pair({ grub: makeGrub([textModule(moduleTypes.prefix, "/EFI/x")]) })],
    /not vouch for its GRUB/,
  ],
  "its GRUB is another's": [[pair({ grub: signedGrub("/EFI/x", "Other CA") })], /does not vouch for its GRUB/],
};
for (const [name, [pairs, why]] of Object.entries(refused)) {
  Deno.test(`a laptop has no chain when ${name}`, () => {
    const choice = chooseChain(pairs, kernel);
    assert.match(choice.kind === "none" ? choice.why : "", why);
  });
}

Deno.test("a kernel that another has signed, or that is not signed, has no chain", () => {
  const own = { kind: "signed", names: ["My Own CA"], keyIds: [] } as const;
  const choice = chooseChain([pair()], own);
  assert.match(choice.kind === "none" ? choice.why : "", /its shim does not vouch for the kernel/);
  for (const signature of [undefined, { kind: "none" }, { kind: "broken" }] as const) {
    assert.equal(chooseChain([pair()], signature).kind, "none");
  }
});

Deno.test("where GRUB looks is read from what grub-mkimage has put into it", () => {
  const { elf, memdisk, config, prefix } = moduleTypes;
  const read = (...modules: Parameters<typeof makeGrub>[0]): string | undefined => readGrubDirectory(makeGrub(modules));
  const module = { type: elf, bytes: new Uint8Array(999).fill(7) };
  assert.equal(read(module, textModule(prefix, "/EFI/debian"), { type: memdisk, bytes: new Uint8Array(50) }), "debian");
  assert.equal(read(textModule(prefix, "/efi/Ubuntu")), "Ubuntu");
  assert.equal(read(module), undefined);
  assert.equal(read(textModule(prefix, "(memdisk)/boot/grub")), undefined);
  assert.equal(read(textModule(prefix, "/EFI/../x")), undefined);
  assert.equal(read(textModule(prefix, "/EFI/debian"), textModule(config, "configfile (memdisk)/grub.cfg")), undefined);
});

Deno.test("a GRUB that is cut off, or claims more than it has, is none", () => {
  const whole = makeGrub([textModule(moduleTypes.prefix, "/EFI/debian")]);
  for (let length = 0; length < whole.length; length++) {
    const directory = readGrubDirectory(whole.subarray(0, length));
    assert.ok(directory === undefined, `${length}: ${directory}`);
  }
  for (let at = 64; at < whole.length; at++) {
    const changed = whole.with(at, 0xff);
    const directory = readGrubDirectory(changed);
    assert.ok(directory === undefined || /^[A-Za-z0-9_-]{1,32}$/.test(directory), `${at}: ${directory}`);
  }
});
