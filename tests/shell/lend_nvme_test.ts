/**
 * lend-nvme of the image under dash and busybox ash, with a directory in place of configfs: a stub makes what the
 * kernel makes in a new directory there (drivers/nvme/target/configfs.c). Whole machines use the real one.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runProgram, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/lend-nvme", import.meta.url));

const subsystem = "11111111-1111-4111-8111-111111111111";
const host = "22222222-2222-4222-8222-222222222222";
const diskName = `nqn.2014-08.org.nvmexpress:uuid:${subsystem}`;
const hostName = `nqn.2014-08.org.nvmexpress:uuid:${host}`;

const stubs = {
  mkdir: `for directory; do
    /bin/mkdir "$directory" || exit 1
    case $directory in
    */subsystems/*/namespaces/1) : >"$directory/device_path"; : >"$directory/enable" ;;
    */subsystems/*) /bin/mkdir "$directory/allowed_hosts" "$directory/namespaces" ;;
    */ports/[0-9]*[0-9]) /bin/mkdir "$directory/subsystems" ;;
    esac
done`,
  // The kernel's own files go with their directory; links and what was made stay in the way.
  rmdir: `for directory; do
    [ -z "$(find "$directory" -mindepth 1 \\( -type l -o -path '*/namespaces/*' \\) | grep -v "^$directory/[a-z_]*$")" ] || exit 1
    rm -rf "$directory"
done`,
};

const good: Readonly<Record<string, string>> = {
  DEVICE: "/dev/sda",
  SUBSYSTEM: subsystem,
  HOST: host,
  ADDRESS: "fd00::1",
  PORT: "4420",
};

interface Rig {
  readonly target: string;
  run(args: string, input?: Readonly<Record<string, string>>): Promise<{ exitCode: number; stderr: string }>;
  /** A program that it starts. */
  install(name: string, text: string): Promise<void>;
}

async function withTarget(shell: readonly string[], work: (rig: Rig) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-nvmet-" });
  try {
    const target = `${directory}/nvmet`;
    for (const name of ["subsystems", "hosts", "ports"]) await Deno.mkdir(`${target}/${name}`, { recursive: true });
    const install = (name: string, text: string): Promise<void> =>
      Deno.writeTextFile(`${directory}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    for (const [name, text] of Object.entries(stubs)) await install(name, text);
    const env = { PATH: `${directory}:/usr/bin:/bin`, STIEFEL_NVMET: target };
    await work({
      target,
      install,
      run: async (args, input = {}) => {
        const lines = Object.entries(input).map(([key, value]) => `${key}=${value}\n`).join("");
        await Deno.writeTextFile(`${directory}/input`, lines);
        const command = `${shell.join(" ")} ${script} ${args} <${directory}/input`;
        const { code, stderr } = await runProgram(["sh", "-c", command], { env });
        return { exitCode: code, stderr };
      },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const shell of SHELLS) {
  Deno.test(`a disk is lent to one host at one address, and everything is taken away again (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run }) => {
      assert.equal((await run(`check ${subsystem}`)).exitCode, 1);
      assert.deepEqual(await run("start", good), { exitCode: 0, stderr: "" });
      const read = (path: string): Promise<string> => Deno.readTextFile(`${target}/${path}`);
      const disk = `subsystems/${diskName}`;
      for (
        const [path, text] of [
          [`${disk}/attr_allow_any_host`, "0"],
          [`${disk}:goodbye/attr_allow_any_host`, "0"],
          [`${disk}/namespaces/1/device_path`, "/dev/sda"],
          [`${disk}/namespaces/1/device_uuid`, subsystem],
          [`${disk}/namespaces/1/enable`, "1"],
          [`${disk}/attr_serial`, "11111111111141118111"],
          ["ports/4420/addr_adrfam", "ipv6"],
          ["ports/4420/addr_traddr", "fd00::1"],
          ["ports/4420/addr_trsvcid", "4420"],
        ] as const
      ) assert.equal(await read(path), text, path);
      for (const name of [diskName, `${diskName}:goodbye`]) {
        assert.equal(await Deno.readLink(`${target}/ports/4420/subsystems/${name}`), `${target}/subsystems/${name}`);
        const allowed = [...Deno.readDirSync(`${target}/subsystems/${name}/allowed_hosts`)].map((entry) => entry.name);
        assert.deepEqual(allowed, [hostName]);
      }
      assert.equal((await run(`check ${subsystem}`)).exitCode, 0);
      assert.equal((await run("check 33333333-3333-4333-8333-333333333333")).exitCode, 1);

      assert.deepEqual(await run(`stop ${subsystem}`), { exitCode: 0, stderr: "" });
      for (const name of ["subsystems", "hosts", "ports"]) {
        assert.deepEqual([...Deno.readDirSync(`${target}/${name}`)], []);
      }
      assert.deepEqual(await run(`stop ${subsystem}`), { exitCode: 0, stderr: "" }, "what is not there is no error");
    });
  });

  Deno.test(`two sessions side by side: each ends alone (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run }) => {
      const other = "33333333-3333-4333-8333-333333333333";
      const second = {
        ...good,
        ...{ SUBSYSTEM: other, HOST: "44444444-4444-4444-8444-444444444444", DEVICE: "/dev/dm-1", PORT: "4421" },
      };
      assert.deepEqual(await run("start", good), { exitCode: 0, stderr: "" });
      assert.deepEqual(await run("start", second), { exitCode: 0, stderr: "" });
      // One that starts right now.
      await Deno.mkdir(`${target}/ports/4422`);
      await Deno.mkdir(`${target}/hosts/starting`);
      assert.deepEqual(await run(`stop ${subsystem}`), { exitCode: 0, stderr: "" });
      assert.equal((await run(`check ${subsystem}`)).exitCode, 1);
      assert.equal((await run(`check ${other}`)).exitCode, 0);
      assert.deepEqual(await run(`stop ${other}`), { exitCode: 0, stderr: "" });
      assert.deepEqual([...Deno.readDirSync(`${target}/ports`)].map(({ name }) => name), ["4422"]);
      assert.deepEqual([...Deno.readDirSync(`${target}/hosts`)].map(({ name }) => name), ["starting"]);
    });
  });

  Deno.test(`what a start that was killed has left is no obstacle (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run }) => {
      await Deno.mkdir(`${target}/ports/4420/subsystems`, { recursive: true });
      assert.deepEqual(await run("start", good), { exitCode: 0, stderr: "" });
    });
  });

  Deno.test(`a start that fails leaves no port (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run, install }) => {
      await install("ln", 'case "$3" in */ports/*) exit 1 ;; *) exec /bin/ln "$@" ;; esac');
      assert.match((await run("start", good)).stderr, /The kernel does not listen on fd00::1 port 4420/);
      assert.deepEqual([...Deno.readDirSync(`${target}/ports`)], []);
      assert.equal((await run(`stop ${subsystem}`)).exitCode, 0);
      for (const name of ["subsystems", "hosts"]) assert.deepEqual([...Deno.readDirSync(`${target}/${name}`)], []);
    });
  });

  Deno.test(`a disk that was lent in a tunnel's namespace is found and taken back outside of it (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run, install }) => {
      assert.equal((await run("start", good)).exitCode, 0);
      // What is mounted in a namespace's /sys is not seen in ours, until it is mounted there, too.
      await Deno.rename(target, `${target}.elsewhere`);
      await install("mount", "exit 32");
      assert.equal((await run(`check ${subsystem}`)).exitCode, 1);
      await install(
        "mount",
        `[ "$*" = "-t configfs configfs ${target.replace(/\/nvmet$/, "")}" ] && mv "${target}.elsewhere" "${target}"`,
      );
      assert.equal((await run(`check ${subsystem}`)).exitCode, 0);
      await Deno.rename(target, `${target}.elsewhere`);
      assert.deepEqual(await run(`stop ${subsystem}`), { exitCode: 0, stderr: "" });
      assert.deepEqual([...Deno.readDirSync(`${target}/subsystems`)], []);
    });
  });

  Deno.test(`what was begun and failed is taken away by the same stop (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run }) => {
      await Deno.mkdir(`${target}/ports/4420/subsystems`, { recursive: true });
      await Deno.symlink(target, `${target}/ports/4420/subsystems/of-another-session`);
      const failed = await run("start", good);
      assert.equal(failed.exitCode, 1);
      assert.match(failed.stderr, /The kernel makes no port\n$/);
      assert.equal((await run(`stop ${subsystem}`)).exitCode, 0);
      assert.deepEqual([...Deno.readDirSync(`${target}/subsystems`)], []);
    });
  });

  Deno.test(`settings that are missing or unknown lend nothing (${shell.join(" ")})`, async () => {
    await withTarget(shell, async ({ target, run }) => {
      for (const key of Object.keys(good)) {
        const { [key]: _, ...rest } = good;
        assert.deepEqual(await run("start", rest), { exitCode: 1, stderr: "A setting is missing\n" });
      }
      assert.equal((await run("start", { ...good, EXTRA: "1" })).stderr, 'Unknown setting "EXTRA"\n');
      assert.equal((await run("lend")).exitCode, 2);
      assert.deepEqual([...Deno.readDirSync(`${target}/subsystems`)], []);
    });
  });
}
