/** `boot-entry` as people and scripts start it: the launcher, its grants, real directories. */

import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Two partitions, as setup-server and systemd-boot leave them: ESP, and a root with a /boot in it. */
const disk: Readonly<Record<string, string>> = {
  "esp/loader/entries/m.conf": "title Debian\nlinux /m/linux\ninitrd /m/initrd\noptions root=UUID=1 ro\n",
  "esp/m/linux": "K",
  "esp/m/initrd": "I",
  "root/boot/stiefelsystem.json":
    '{"kernel":"/boot/linux-stiefel","initrd":["/boot/initramfs-stiefel.img"],"cmdline":[]}',
  "root/boot/linux-stiefel": "K",
  "root/boot/initramfs-stiefel.img": "I",
};

async function withDisk(
  files: Readonly<Record<string, string>>,
  body: (directory: string, run: (...args: readonly string[]) => Promise<Ended>) => Promise<void>,
  command = "boot-entry",
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel boot entry ü-" });
  try {
    const system = createRealSystem();
    for (const [path, text] of Object.entries(files)) {
      await system.makeDirectory(`${directory}/${path.slice(0, path.lastIndexOf("/"))}`);
      await Deno.writeTextFile(`${directory}/${path}`, text);
    }
    await body(directory, async (...args) => {
      const { code, stdout, stderr } = await new Deno.Command(`${projectRoot}stiefelsystem`, {
        args: [command, ...args],
        cwd: directory,
        env: { INIT_CWD: "", PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH") ?? ""}` },
      }).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, out: out ?? "", err: err ?? "" };
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("B1: boot-entry shows for two partitions what a desktop gets, as text and as JSON", async () => {
  await withDisk(disk, async (directory, run) => {
    const text = await run("--partition", "esp", "--partition", "root");
    assert.deepEqual([text.code, text.err], [0, ""]);
    assert.match(text.out, /^Kernel {13}\/boot\/linux-stiefel {2}\(on .*\/root\)$/m);
    assert.match(text.out, /^Command line {7}root=UUID=1 ro init_on_free=1 noresume$/m);
    assert.match(text.out, /^Command line from {2}\/loader\/entries\/m\.conf {2}\(on .*\/esp\)$/m);
    const { code, out } = await run("--json", "--partition", `${directory}/esp`, "--partition", `${directory}/root/`);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), {
      title: "Debian",
      loader: "stiefelsystem.json",
      kernel: "/boot/linux-stiefel",
      initramfs: ["/boot/initramfs-stiefel.img"],
      commandLine: "root=UUID=1 ro init_on_free=1 noresume",
      loaderCommandLine: "root=UUID=1 ro",
      partition: `${directory}/root`,
      source: { partition: `${directory}/root`, file: "/boot/stiefelsystem.json" },
      commandLineSource: { partition: `${directory}/esp`, file: "/loader/entries/m.conf" },
      notices: [],
    });
  });
});

Deno.test("boot-entry ends with 1 and the reason where a server would refuse, with 2 for wrong usage", async () => {
  await withDisk(disk, async (_directory, run) => {
    const refused = await run("--partition", "root");
    assert.deepEqual([refused.code, refused.out], [1, ""]);
    assert.match(refused.err, /^Error: "\/boot\/stiefelsystem\.json" names no command line, and no boot loader's/);
    const json = await run("--json", "--partition", "root");
    assert.equal(json.code, 1);
    assert.equal(JSON.parse(json.out).error.code, "no-boot-entry");
    for (const wrong of [["--partition", "nothing"], ["--root", "esp", "--partition", "root"], ["--wrong"], ["x"]]) {
      const { code, err } = await run(...wrong);
      assert.equal(code, 2, wrong.join(" "));
      assert.notEqual(err, "");
    }
  });
});

Deno.test("boot-entry --root takes a tree with the ESP in it, and boot.load of a configuration", async () => {
  const tree = Object.fromEntries(
    Object.entries(disk).map(([path, text]) => [path.replace(/^esp/, "root/boot/efi"), text]),
  );
  const config = "boot: {load: {kernel: /boot/linux-stiefel, initrd: /boot/initramfs-stiefel.img, cmdline: [mine]}}\n";
  await withDisk({ ...tree, "mine.yaml": config }, async (_directory, run) => {
    const commandLine = async (...args: readonly string[]): Promise<string> =>
      JSON.parse((await run("--json", "--root", "root", ...args)).out).commandLine;
    assert.equal(await commandLine(), "root=UUID=1 ro init_on_free=1 noresume");
    assert.equal(await commandLine("--config", "mine.yaml"), "mine init_on_free=1 noresume");
  });
});

Deno.test("doctor --root shows the same entry as boot-entry --root, by a name with blanks, and repeats it in hints", async () => {
  const tree = Object.fromEntries(
    Object.entries(disk).map((
      [path, text],
    ) => [path.replace(/^esp/, "root/boot/efi").replace(/^root/, "my root"), text]),
  );
  await withDisk(
    { ...tree, "some.yaml": "", "my root/etc/os-release": "ID=debian\nPRETTY_NAME=Mounted\n" },
    async (_directory, run) => {
      const { code, out, err } = await run("--root", "my root", "--config", "some.yaml");
      assert.equal(code, 1, err);
      assert.match(out, /^ok +distribution +Mounted$/m);
      assert.match(out, /^ok +boot entry +root=UUID=1, from /m);
      assert.match(out, /^\? +battery +not looked at/m);
      assert.match(out.replace(/\s+/g, " "), /setup-server --root 'my root' --config some\.yaml/);
      const wrong = await run("--root", "nothing", "--config", "some.yaml");
      assert.deepEqual([wrong.code, wrong.out], [2, ""], wrong.err);
    },
    "doctor",
  );
});
