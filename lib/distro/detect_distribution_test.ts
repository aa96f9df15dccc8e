import assert from "node:assert/strict";
import { defaultGenerator, detectDistribution } from "./detect_distribution.ts";

const fixtures = new URL("../../tests/fixtures/os-release/", import.meta.url);

const cases = [
  { file: "debian-12", id: "debian", generator: "initramfs-tools", isDerivative: false },
  { file: "debian-13", id: "debian", generator: "initramfs-tools", isDerivative: false },
  { file: "ubuntu-24.04", id: "ubuntu", generator: "initramfs-tools", isDerivative: false },
  { file: "ubuntu-25.10", id: "ubuntu", generator: "dracut", isDerivative: false },
  { file: "linuxmint-22", id: "ubuntu", generator: "initramfs-tools", isDerivative: true },
  { file: "fedora-42", id: "fedora", generator: "dracut", isDerivative: false },
  { file: "arch", id: "arch", generator: "mkinitcpio", isDerivative: false },
  { file: "endeavouros", id: "arch", generator: "mkinitcpio", isDerivative: true },
  { file: "gentoo", id: "gentoo", generator: "dracut", isDerivative: false },
] as const;

Deno.test("distributions and their derivatives are known by os-release", async () => {
  for (const { file, id, generator, isDerivative } of cases) {
    const detected = detectDistribution(await Deno.readTextFile(new URL(file, fixtures)));
    assert.ok(detected, file);
    assert.deepEqual(
      { id: detected.distribution.id, generator: defaultGenerator(detected), isDerivative: detected.isDerivative },
      { id, generator, isDerivative },
      file,
    );
  }
});

Deno.test("a distribution without a description is unknown, not guessed", async () => {
  assert.equal(detectDistribution(await Deno.readTextFile(new URL("opensuse-tumbleweed", fixtures))), undefined);
  assert.equal(detectDistribution(""), undefined);
});
