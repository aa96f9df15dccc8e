import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { arch } from "../distro/arch.ts";
import { packagesFor } from "../distro/distribution.ts";
import { fedora } from "../distro/fedora.ts";
import { gentoo } from "../distro/gentoo.ts";
import { buildPrograms, findBootstrapWay, hostKeyring } from "./bootstrap_way.ts";

const osRelease = async (name: string): Promise<string> =>
  await Deno.readTextFile(new URL(`../../tests/fixtures/os-release/${name}`, import.meta.url));
const apt = { "/usr/bin/apt-get": "", "/usr/bin/dpkg": "" };
const mmdebstrap = { "/usr/bin/mmdebstrap": "" };
const keys = { [hostKeyring.path]: "" };

Deno.test("mmdebstrap is taken where apt installs it or all of it is there, else debootstrap", async () => {
  const cases = [
    ["debian-13", { ...apt, ...mmdebstrap, ...keys }, "mmdebstrap"],
    // What is missing is offered there.
    ["debian-13", apt, "mmdebstrap"],
    ["linuxmint-22", apt, "mmdebstrap"],
    ["fedora-42", {}, "debootstrap"],
    ["arch", mmdebstrap, "debootstrap"],
    // apt as a tool for Debian's archives: it installs nothing here.
    ["fedora-42", apt, "debootstrap"],
    ["fedora-42", { ...apt, ...mmdebstrap }, "debootstrap"],
    ["fedora-42", { ...apt, ...mmdebstrap, ...keys }, "mmdebstrap"],
    ["opensuse-tumbleweed", {}, "debootstrap"],
  ] as const;
  for (const [name, files, way] of cases) {
    const system = createMemorySystem({ files: { ...files, "/usr/lib/os-release": await osRelease(name) } });
    assert.equal(await findBootstrapWay(system), way, `${name} ${Object.keys(files).join(" ")}`);
  }
  assert.equal(await findBootstrapWay(createMemorySystem({ files: apt })), "mmdebstrap");
  assert.equal(await findBootstrapWay(createMemorySystem()), "debootstrap");
});

Deno.test("the documents name the packages that building the image takes elsewhere", async () => {
  const text = await Deno.readTextFile(new URL("../../doc/image.md", import.meta.url));
  for (const distribution of [arch, fedora, gentoo]) {
    const packages = packagesFor(distribution, buildPrograms.debootstrap);
    const command = [...distribution.installCommand, ...packages].join(" ");
    assert.ok(text.includes(`| ${distribution.name} | \`${command}\` |`), command);
  }
});
