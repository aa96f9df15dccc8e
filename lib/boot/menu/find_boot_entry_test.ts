import assert from "node:assert/strict";
import type { BootFiles } from "./entry.ts";
import { BootError } from "../../boot_error.ts";
import { findBootEntry } from "../../../tests/support/find_boot_entry.ts";
import { pathCandidates } from "./path_candidates.ts";

/** A partition in memory. */
function partition(files: Readonly<Record<string, string>>): BootFiles {
  const isInside = (path: string, directory: string): boolean =>
    path.startsWith(directory === "/" ? "/" : `${directory}/`);
  return {
    readText: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Error(`no ${path}`)) : Promise.resolve(text);
    },
    list: (directory) =>
      Promise.resolve(
        [
          ...new Set(
            Object.keys(files).filter((path) => isInside(path, directory)).map((path) =>
              path.slice(directory.length + 1).split("/")[0] ?? ""
            ),
          ),
        ].sort(),
      ),
    exists: (path) => Promise.resolve(path in files || Object.keys(files).some((file) => isInside(file, path))),
  };
}

const grub = `menuentry Debian { linux /vmlinuz root=/dev/vda2 ro  quiet; initrd /initrd.img }`;
const json = JSON.stringify({ kernel: "/boot/vmlinuz", initrd: "initrd-stiefel", cmdline: ["root=/dev/vda2", "rw"] });
const images = { "/vmlinuz": "", "/initrd.img": "", "/initrd-stiefel": "" };
const bls = { "/loader/entries/a.conf": "title BLS\nlinux /vmlinuz\ninitrd /initrd.img\noptions bls\n" };

async function found(files: Readonly<Record<string, string>>): Promise<string | undefined> {
  const entry = await findBootEntry(partition({ ...images, ...files }));
  if (entry === undefined) return undefined;
  const { loader, source, kernel, initrds, commandLine } = entry;
  return `${loader} ${source.path} ${kernel.path} ${initrds.map(({ path }) => path)} ${commandLine}`;
}

Deno.test("what our setup wrote wins over the boot loader", async () => {
  assert.equal(
    await found({ "/stiefelsystem.json": json, "/grub/grub.cfg": grub }),
    "stiefelsystem.json /stiefelsystem.json /vmlinuz /initrd-stiefel root=/dev/vda2 rw",
  );
});

Deno.test("what our setup left open comes from the boot loader", async () => {
  assert.equal(
    await found({ "/stiefelsystem.json": '{"initrd": "initrd-stiefel"}', "/grub/grub.cfg": grub }),
    "stiefelsystem.json /stiefelsystem.json /vmlinuz /initrd-stiefel root=/dev/vda2 ro quiet",
  );
});

Deno.test("GRUB wins over bare entries, which Fedora's GRUB reads itself; loader.conf speaks for systemd-boot", async () => {
  const grubResult = "grub /grub2/grub.cfg /vmlinuz /initrd.img root=/dev/vda2 ro quiet";
  const blsResult = "systemd-boot /loader/entries/a.conf /vmlinuz /initrd.img bls";
  assert.equal(await found({ ...bls, "/grub2/grub.cfg": grub }), grubResult);
  assert.equal(await found({ ...bls, "/grub2/grub.cfg": grub, "/loader/loader.conf": "timeout 3" }), blsResult);
  assert.equal(await found(bls), blsResult);
});

Deno.test("syslinux and extlinux are found", async () => {
  const text = "LABEL x\nLINUX ../vmlinuz\nINITRD ../initrd.img\nAPPEND root=/dev/vda2\n";
  assert.equal(
    await found({ "/extlinux/extlinux.conf": text }),
    "extlinux /extlinux/extlinux.conf /vmlinuz /initrd.img root=/dev/vda2",
  );
});

Deno.test("included files of GRUB are read from the partition", async () => {
  const text = `source $prefix/custom.cfg\nset default="$mine"`;
  assert.equal(
    await found({ "/grub/grub.cfg": text, "/grub/custom.cfg": `${grub}\nset mine=0` }),
    "grub /grub/grub.cfg /vmlinuz /initrd.img root=/dev/vda2 ro quiet",
  );
});

Deno.test("on a root partition, and in subvolumes, /boot is found and paths are taken as they are meant", async () => {
  for (const root of ["", "/@", "/@rootfs", "/root"]) {
    for (const prefix of ["", "/boot", `${root}/boot`]) {
      const files = partition({
        [`${root}/boot/grub/grub.cfg`]: grub.replaceAll(" /", ` ${prefix}/`).replace(`root=${prefix}/`, "root=/"),
        [`${root}/boot/vmlinuz`]: "",
        [`${root}/boot/initrd.img`]: "",
      });
      assert.equal((await findBootEntry(files))?.kernel.path, `${root}/boot/vmlinuz`, `${root} ${prefix}`);
    }
  }
});

Deno.test("the configuration wins, whole or in parts", async () => {
  const files = partition({ ...images, "/grub/grub.cfg": grub, "/mine": "" });
  const load = { kernel: "/boot/mine", initrd: "", cmdline: ["a", "b"] };
  const whole = await findBootEntry(files, { load });
  assert.deepEqual([whole?.loader, whole?.kernel.path, whole?.initrds.map(({ path }) => path), whole?.commandLine], [
    "configuration",
    "/mine",
    ["/initrd.img"],
    "a b",
  ]);
  const part = await findBootEntry(files, { load: { cmdline: ["a", "b"] } });
  assert.deepEqual([part?.loader, part?.kernel.path, part?.commandLine], ["grub", "/vmlinuz", "a b"]);
  assert.equal((await findBootEntry(partition({ "/mine": "" }), { load }))?.kernel.path, "/mine");
});

Deno.test("a partition without any boot configuration is no error", async () => {
  assert.equal(await findBootEntry(partition({ "/etc/fstab": "" })), undefined);
  assert.equal(await findBootEntry(partition({ "/EFI/debian/grub.cfg": "configfile /grub.cfg" })), undefined);
});

const broken: Readonly<Record<string, readonly [Readonly<Record<string, string>>, RegExp]>> = {
  "a kernel that is not there": [
    { "/grub/grub.cfg": "menuentry x { linux /gone }" },
    /names "\/gone", which is not on/,
  ],
  "a script that cannot be read": [
    { "/grub/grub.cfg": "menuentry x {" },
    /a part of "\/grub\/grub.cfg" that it cannot read: line 1: a "\{" is not closed/,
  ],
  "a menu without Linux": [{ "/grub/grub.cfg": "menuentry x { chainloader +1 }" }, /None of the 1 entries/],
  "an entry with variables of a GRUB that is elsewhere": [
    { "/vmlinuz": "", "/loader/entries/a.conf": "linux /vmlinuz\noptions $kernelopts quiet\n" },
    /another partition, which alone knows "\$kernelopts"/,
  ],
  "a file of ours with the wrong content": [{ "/stiefelsystem.json": "[]" }, /Cannot use "\/stiefelsystem.json"/],
  "a unified kernel image": [
    { "/EFI/Linux/arch-linux.efi": "" },
    /cannot be used as a unified kernel image: it cannot be looked into/,
  ],
};
for (const [what, [files, message]] of Object.entries(broken)) {
  Deno.test(`${what} is reported`, async () => {
    await assert.rejects(
      findBootEntry(partition(files)),
      (error) => error instanceof BootError && error.code === "no-boot-entry" && message.test(error.message),
    );
  });
}

Deno.test("one broken configuration does not hide a good one", async () => {
  const files = partition({ ...images, "/grub/grub.cfg": "{", ...bls });
  assert.equal((await findBootEntry(files))?.kernel.path, "/vmlinuz");
  assert.equal(
    (await findBootEntry(partition({ ...images, "/loader/loader.conf": "", ...bls, "/grub/grub.cfg": "{" })))?.kernel
      .path,
    "/vmlinuz",
  );
});

Deno.test("a path is looked for where a boot loader, a person and the original would mean it", () => {
  assert.deepEqual(pathCandidates("", "/boot/vmlinuz"), ["/boot/vmlinuz", "/vmlinuz"]);
  assert.deepEqual(pathCandidates("/boot", "vmlinuz"), ["/vmlinuz", "/boot/vmlinuz"]);
  assert.deepEqual(pathCandidates("/@/boot", "/boot/vmlinuz"), [
    "/boot/vmlinuz",
    "/@/boot/boot/vmlinuz",
    "/@/boot/vmlinuz",
    "/vmlinuz",
  ]);
});
