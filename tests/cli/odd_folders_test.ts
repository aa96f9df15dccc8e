/** P3: a checkout may lie in any folder. */
import assert from "node:assert/strict";
import { quoteCommand } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const denoDirectory = Deno.execPath().slice(0, Deno.execPath().lastIndexOf("/"));
const folders = [
  "mein Projekt ü",
  "a%20b#c?d=e",
  "100%zz u\u0308 日本",
  "a,b:c;d&e|f",
  'it\'s "a\\b"',
  "$HOME {a}[b]*",
  "-x ",
];

/** A copy of the project, of files only: as a clone is. */
async function cloneTo(directory: string): Promise<void> {
  const names = [
    ...["stiefelsystem", "main.ts", "deno.json", "deno.lock", "lib", "agents", "image", "config-example.yaml"],
  ];
  await system.makeDirectory(directory);
  await system.run(["cp", "-R", ...names.map((name) => `${projectRoot}${name}`), directory]);
}

/** Long lines are wrapped, at blanks of a path, too. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

function environmentFor(home: string): Readonly<Record<string, string>> {
  return {
    PATH: `${denoDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: home,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
  };
}

/** As much of a Debian as setting it up asks for. */
async function makeDebian(root: string): Promise<void> {
  const files = ["usr/sbin/mkinitramfs", "usr/lib/modules/6.12.1-amd64/modules.dep", "boot/vmlinuz-6.12.1-amd64"];
  for (const file of ["etc/os-release", ...files]) {
    await system.makeDirectory(`${root}/${file.slice(0, file.lastIndexOf("/"))}`);
    await system.writeFile(`${root}/${file}`, file === "etc/os-release" ? "ID=debian\nVERSION_ID=13\n" : "");
  }
}

/** What create-initrd leaves behind, without what is in it. */
async function makeImage(clone: string): Promise<void> {
  await system.writeFile(`${clone}/aes-key`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  await system.makeDirectory(`${clone}/build`);
  for (const name of ["kernel", "initrd"]) await system.writeFile(`${clone}/build/${name}`, name);
  await system.writeFile(`${clone}/build/manifest.json`, "{}");
}

for (const folder of folders) {
  Deno.test(`P3: the commands work in a folder with the name ${JSON.stringify(folder)}`, async () => {
    const parent = await Deno.makeTempDir();
    const clone = `${parent}/${folder}`;
    try {
      await cloneTo(clone);
      const start = async (argv: readonly string[], cwd = clone): Promise<string> => {
        const options = { cwd, acceptExitCodes: [0, 1, 2], env: environmentFor(parent) };
        const { stdout, stderr } = await system.run(["sh", "-c", '"$@"', "sh", ...argv], options);
        return stdout + stderr;
      };
      const run = (...args: readonly string[]): Promise<string> => start(["./stiefelsystem", ...args]);
      await makeDebian(`${parent}/my root`);
      const setUp = ["setup-server", "--root", `${parent}/my root`, "--dry-run"];
      // P5: from elsewhere, the same command has another name.
      const typed = quoteCommand([`${clone}/stiefelsystem`]);
      const [build, help, noKey, elsewhere] = await Promise.all([
        start([Deno.execPath(), "task", "--quiet", "create-initrd", "--dry-run"]),
        run("demo", "--help"),
        run(...setUp),
        start(["sh", "-c", `${typed} "$@"`, "sh", ...setUp], "/"),
      ]);
      assert.match(build, /^pack +depends on what is made before it/m);
      assert.match(help, /^Usage: stiefelsystem demo/);
      // What is wrong is named by its own path.
      assert.match(noKey, new RegExp(`"${RegExp.escape(clone)}/aes-key"`));
      assert.ok(noKey.includes('Run "./stiefelsystem create-initrd"'), noKey);
      assert.ok(elsewhere.includes(`Run "${typed} create-initrd"`), elsewhere);
      await system.writeFile(`${clone}/config.yaml`, "modules: [base\n");
      await system.writeFile(`${clone}/good.yaml`, "modules: [base, system-debian]\n");
      const good = ["--config", "good.yaml"];
      const [wrong, right] = await Promise.all([run("doctor"), run("doctor", ...good)]);
      assert.match(wrong, new RegExp(`${RegExp.escape(clone)}/config\\.yaml:1:\\d`));
      assert.ok(oneLine(right).includes(oneLine(`in ${clone}/build`)), right);
      await makeImage(clone);
      assert.match(await run(...setUp, ...good), /\/var\/local\/lib\/stiefelsystem\/kernel/);
    } finally {
      await Deno.remove(parent, { recursive: true });
    }
  });
}
