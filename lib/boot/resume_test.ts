import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findResumeTarget, isHibernatedInFile } from "./resume.ts";

const cases: Readonly<Record<string, string | undefined>> = {
  "resume=UUID=1234 resume_offset=38912": "/dev/disk/by-uuid/1234 38912",
  "resume=/dev/vda2 x resume_offset=1": "/dev/vda2 1",
  "resume=PARTLABEL=root resume_offset=7": "/dev/disk/by-partlabel/root 7",
  "resume=UUID=1234": undefined,
  "resume_offset=5": undefined,
  "resume=UUID=1 resume_offset=x": undefined,
  "resume=8:2 resume_offset=5": undefined,
  "noresume": undefined,
};
for (const [commandLine, expected] of Object.entries(cases)) {
  Deno.test(`"${commandLine}" names ${expected ?? "no swap file"}`, () => {
    const target = findResumeTarget(commandLine);
    assert.equal(target && `${target.device} ${target.offset}`, expected);
  });
}

Deno.test("an image in a swap file is known by the signature the kernel writes", async () => {
  const answers = { yes: " 53 31 53 55 53 50 45 4e 44 00\n", no: " 53 57 41 50 53 50 41 43 45 32\n" }; // SWAPSPACE2
  for (const [answer, output] of Object.entries(answers)) {
    const system = createMemorySystem({
      commands: [([program]) => program === "lsblk" ? "/dev/vda2\n" : program === "od" ? output : undefined],
    });
    assert.equal(await isHibernatedInFile(system, { device: "/dev/disk/by-uuid/1", offset: 3 }), answer === "yes");
    assert.deepEqual(system.ran.at(-1), [
      ..."od -A n -t x1 -v -j".split(" "),
      String(3 * 4096 + 4086),
      "-N",
      "10",
      "/dev/vda2",
    ]);
  }
});

Deno.test("a device that is not there has no image", async () => {
  const system = createMemorySystem({ commands: [() => 32] });
  assert.equal(await isHibernatedInFile(system, { device: "/dev/mapper/root", offset: 3 }), false);
});
