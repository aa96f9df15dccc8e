import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { findMissingPackages, offerPackages } from "./offer_packages.ts";
import { ovmf } from "./ovmf.ts";
import { packagesFor } from "./program_packages.ts";
import type { Ui } from "../ui.ts";

const apt = { "/usr/bin/apt-get": "", "/usr/bin/dpkg": "" };

function answer(yes: boolean): { readonly ui: Ui; readonly asked: string[] } {
  const asked: string[] = [];
  const progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
  const ui: Ui = {
    result: () => {},
    page: () => Promise.resolve(),
    say: () => {},
    warn: () => {},
    progress: () => progress,
    ask: () => Promise.resolve("abort"),
    confirm: (text) => {
      asked.push(text);
      return Promise.resolve(yes);
    },
    askText: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(""),
    screen: () => ({ columns: 80, rows: undefined }),
    isTerminal: false,
    color: false,
  };
  return { ui, asked };
}

/** A Debian whose apt-get puts the programs there; `failures` first attempts do not work. */
function debian(options: { readonly uid: string; readonly failures?: number }): MemorySystem {
  let failures = options.failures ?? 0;
  const system: MemorySystem = createMemorySystem({
    files: apt,
    commands: [async (argv) => {
      if (argv[0] === "id") return `${options.uid}\n`;
      if (argv.includes("install")) {
        if (failures-- > 0) return 100;
        for (const program of ["mmdebstrap", "zstd"]) await system.writeFile(`/usr/bin/${program}`, "");
      }
      return "";
    }],
  });
  return system;
}

Deno.test("a file that is no program is looked for where it has to be", async () => {
  const [firmware, wanted] = [ovmf.secureBootCode, { packages: ["ovmf"], programs: [ovmf.secureBootCode] }];
  assert.deepEqual(await findMissingPackages(createMemorySystem(), [firmware]), wanted);
  const installed = createMemorySystem({ files: { [firmware]: "" } });
  assert.deepEqual(await findMissingPackages(installed, [firmware]), { packages: [], programs: [] });
});

Deno.test("packages are named once, however many programs come in them", () => {
  assert.deepEqual(packagesFor(["zstd", "debugfs", "mkfs.ext4"]), ["e2fsprogs", "zstd"]);
  assert.throws(() => packagesFor(["frobnicate"]), TypeError);
});

Deno.test("a program counts wherever the system looks for programs; missing keys of Debian's archive count, too", async () => {
  const system = createMemorySystem({ files: { "/usr/sbin/mkfs.ext4": "" } });
  assert.deepEqual(await findMissingPackages(system, ["mkfs.ext4", "sfdisk"], { withArchiveKeys: true }), {
    packages: ["debian-archive-keyring", "fdisk"],
    programs: ["sfdisk"],
  });
});

Deno.test("nothing missing: nothing is asked and nothing is run", async () => {
  const system = createMemorySystem({ files: { "/usr/bin/zstd": "" } });
  const { ui, asked } = answer(false);
  await offerPackages(system, ui, ["zstd"]);
  assert.deepEqual([asked, system.ran], [[], []]);
});

Deno.test("as root apt-get is run at once, else through sudo, and the question shows the command", async () => {
  const cases = [["0", ""], ["1000", "sudo "]] as const;
  for (const [uid, prefix] of cases) {
    const system = debian({ uid });
    const { ui, asked } = answer(true);
    await offerPackages(system, ui, ["zstd", "mmdebstrap"]);
    const command = `${prefix}apt-get install --yes --no-install-recommends mmdebstrap zstd`;
    assert.deepEqual(asked, [`Install them now with "${command}"`]);
    assert.ok(system.ran.some((argv) => argv.join(" ") === command));
  }
});

Deno.test("empty package lists are fetched when the first attempt fails", async () => {
  const system = debian({ uid: "0", failures: 1 });
  await offerPackages(system, answer(true).ui, ["zstd", "mmdebstrap"]);
  assert.deepEqual(system.ran.map((argv) => argv.slice(0, 2).join(" ")), [
    "id -u",
    "apt-get install",
    "apt-get update",
    "apt-get install",
  ]);
});

Deno.test("no answer, no change: the user gets the command instead", async () => {
  const system = debian({ uid: "0" });
  await assert.rejects(offerPackages(system, answer(false).ui, ["zstd"]), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.deepEqual(error.hints, ["apt-get install --yes --no-install-recommends zstd"]);
    return true;
  });
  assert.deepEqual(system.ran.map((argv) => argv[0]), ["id"]);
});

Deno.test("on a distribution that we know, the user gets its own names and command", async () => {
  const cases = [
    ["arch", /^Install them: pacman -S debootstrap libarchive gnupg$/],
    ["fedora-42", /^Install them: dnf install debootstrap bsdtar gnupg2$/],
    ["gentoo", /^Install them: emerge --ask dev-util\/debootstrap app-arch\/libarchive app-crypt\/gnupg$/],
  ] as const;
  for (const [name, hint] of cases) {
    const osRelease = new URL(`../../tests/fixtures/os-release/${name}`, import.meta.url);
    // apt as a tool for Debian's archives, as Fedora has it, installs nothing.
    const system = createMemorySystem({ files: { ...apt, "/etc/os-release": await Deno.readTextFile(osRelease) } });
    await assert.rejects(
      offerPackages(system, answer(true).ui, ["debootstrap", "bsdtar", "gpgv"]),
      (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /missing: debootstrap, bsdtar, gpgv$/);
        assert.match(error.hints.join("\n"), hint);
        return true;
      },
    );
    assert.deepEqual(system.ran, []);
  }
});

Deno.test("where there is no apt, the user gets the programs and Debian's names, and nothing is run", async () => {
  const system = createMemorySystem();
  await assert.rejects(offerPackages(system, answer(true).ui, ["sfdisk"]), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /sfdisk/);
    assert.match(error.hints.join("\n"), /fdisk/);
    return true;
  });
  assert.deepEqual(system.ran, []);
});
