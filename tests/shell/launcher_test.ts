/**
 * P5: ./stiefelsystem finds Deno wherever it may be, with what lies at those places made up, under every shell that
 * may be /bin/sh.
 */
import assert from "node:assert/strict";
import { commandGrants, commandNames, formatCommandGrants, talkGrants } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { standardPath } from "../../lib/system/system.ts";
import { projectRoot } from "../support/source_tree.ts";
import { runProgram, SHELLS } from "./shell_rig.ts";

const system = createRealSystem({ home: "/" });
const launcher = `${projectRoot}stiefelsystem`;
const installed = ["/usr/local/bin/deno", "/usr/bin/deno", "/snap/bin/deno", "/home/linuxbrew/.linuxbrew/bin/deno"];
const isInstalled = (await Promise.all(installed.map((path) => system.stat(path)))).some((found) =>
  found !== undefined
);

Deno.test("P5: shellcheck finds nothing in the launcher and its grants", async () => {
  const { code, stdout } = await runProgram(["shellcheck", "--shell=sh", "-x", "-P", projectRoot, launcher]);
  assert.equal(code, 0, stdout);
});

/** A Deno that says its version, and what it was called with. */
function fakeDeno(version: string, { hasLibraries = true } = {}): string {
  return `#!/bin/sh
case " $* " in *" --cached-only "*) exit ${hasLibraries ? 0 : 1} ;; esac
case $1 in
--version) echo "deno ${version} (stable, release, x86_64-unknown-linux-gnu)" ;;
eval) echo "$0" ;;
*) printf 'deno: %s\\ncwd: %s\\nPATH: %s\\n' "$0" "$PWD" "$PATH"; for word in "$@"; do printf 'word: %s\\n' "$word"; done ;;
esac
`;
}

class Site implements AsyncDisposable {
  constructor(readonly shell: readonly string[], readonly directory: string) {}
  async put(path: string, text: string): Promise<string> {
    const place = `${this.directory}/${path}`;
    await system.makeDirectory(place.slice(0, place.lastIndexOf("/")));
    await system.writeFile(place, text, { mode: 0o755 });
    return place;
  }
  /** @param settings "NAME=value"; @param path folders before those of the system */
  async run(args: readonly string[], options: {
    readonly settings?: readonly string[];
    readonly path?: readonly string[];
    readonly cwd?: string;
    readonly launcher?: string;
  } = {}): Promise<{ code: number; out: string; err: string }> {
    // Only the programs of the system that the launcher calls: there may be a Deno, or npx.
    const path = [...options.path ?? [], `${this.directory}/tools`].join(":");
    const settings = [`PATH=${path}`, `HOME=${this.directory}/my home`, ...options.settings ?? []];
    const { exitCode, stdout, stderr } = await system.run(
      // Between us and it: the Deno that started it would be the first it takes.
      [
        "sh",
        "-c",
        '"$@"; exit $?',
        "sh",
        "env",
        "-i",
        ...settings,
        ...this.shell,
        options.launcher ?? launcher,
        ...args,
      ],
      { acceptExitCodes: [0, 1, 2, 127], cwd: options.cwd ?? "/" },
    );
    return { code: exitCode, out: stdout, err: stderr };
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.directory, { recursive: true });
  }
}

async function openSite(shell: readonly string[]): Promise<Site> {
  const site = new Site(shell, await Deno.makeTempDir({ prefix: "launch er-" }));
  await system.makeDirectory(`${site.directory}/tools`);
  const paths = standardPath.split(":");
  for (
    const name of [
      "readlink",
      "sed",
      "head",
      "tr",
      "cut",
      "grep",
      "awk",
      "getent",
      "env",
      "sh",
      "dash",
      "busybox",
      "bash",
    ]
  ) {
    for (const directory of paths) {
      const target = `${directory}/${name}`;
      if (await system.stat(target) === undefined) continue;
      await system.run(["ln", "-s", target, `${site.directory}/tools/${name}`]);
      break;
    }
  }
  return site;
}

const getentFor = (home: string): string =>
  `#!/bin/sh\n[ "$1 $2" = "passwd alice" ] && echo "alice:x:1000:1000::${home}:/bin/sh"\n`;

for (const shell of [...SHELLS, ["bash"]]) {
  const under = shell.join(" ");

  Deno.test(`P5: Deno is found at every place (${under})`, async () => {
    const places = [
      ["my home/.deno/bin/deno", []],
      ["my home/.local/bin/deno", []],
      ["my home/.npm/_npx/0123abcd/node_modules/deno/deno", []],
      ["my home/.nvm/versions/node/v22.1.0/lib/node_modules/deno/deno", []],
      ["alice's home/.deno/bin/deno", ["SUDO_USER=alice"]],
      ["alice's home/.deno/bin/deno", ["DOAS_USER=alice"]],
      ["alice's home/.npm/_npx/0123abcd/node_modules/deno/deno", ["SUDO_USER=alice"]],
    ] as const;
    for (const [place, settings] of places) {
      await using site = await openSite(shell);
      await site.put("getent/getent", getentFor(`${site.directory}/alice's home`));
      const path = await site.put(place, fakeDeno("2.9.6"));
      const { code, out, err } = await site.run(["doctor"], { settings, path: [`${site.directory}/getent`] });
      assert.equal(code, 0, err);
      assert.ok(out.startsWith(`deno: ${path}\n`), `${place}:\n${out}`);
    }
    await using site = await openSite(shell);
    const inPath = await site.put("a b/deno", fakeDeno("3.0.0"));
    assert.match(
      (await site.run(["doctor"], { path: [`${site.directory}/a b`] })).out,
      new RegExp(`^deno: ${inPath}\n`),
    );
    const named = await site.put("install/bin/deno", fakeDeno("2.10.0"));
    const { out } = await site.run(["doctor"], { settings: [`DENO_INSTALL=${site.directory}/install`] });
    assert.match(out, new RegExp(`^deno: ${named}\n`));
  });

  Deno.test(`P5: each command gets its grants, and its words as they are (${under})`, async () => {
    await using site = await openSite(shell);
    const path = await site.put("bin/deno", fakeDeno("2.9.6"));
    const words = ["--config", "my file.yaml", "*", "", "$HOME", "a'b\"c", "-x"];
    for (
      const [name, grants] of [
        ...commandNames.map((name) => [name, commandGrants[name]] as const),
        ["--help", talkGrants] as const,
      ]
    ) {
      const { out } = await site.run([name, ...words], { path: [`${site.directory}/bin`], cwd: site.directory });
      assert.deepEqual(out.split("\n"), [
        `deno: ${path}`,
        `cwd: ${site.directory}`,
        // The Deno that a build starts is this one.
        `PATH: ${site.directory}/bin:${standardPath}`,
        ...["run", "--quiet", "--config", `${projectRoot}deno.json`, ...formatCommandGrants(grants)].map((word) =>
          `word: ${word}`
        ),
        ...[`${projectRoot}main.ts`, name, ...words].map((word) => `word: ${word}`),
        "",
      ]);
    }
  });

  Deno.test(`P5: a link to the launcher works, and a checkout in any folder (${under})`, async () => {
    await using site = await openSite(shell);
    await site.put("bin/deno", fakeDeno("2.9.6"));
    const clone = `${site.directory}/-mein Projekt ü,:#%20`;
    await system.makeDirectory(`${clone}/lib`);
    await system.run(["cp", launcher, clone]);
    await system.run(["cp", `${projectRoot}lib/grants.sh`, `${clone}/lib`]);
    await system.run(["ln", "-s", `${clone}/stiefelsystem`, `${site.directory}/link`]);
    const path = [`${site.directory}/bin`];
    const ways = [
      { launcher: `${site.directory}/link`, cwd: "/" },
      { launcher: "./stiefelsystem", cwd: clone },
      { launcher: "../../link", cwd: `${clone}/lib` },
    ];
    for (const way of ways) {
      const { out, err } = await site.run(["init"], { path, ...way });
      assert.match(out, new RegExp(`^word: ${RegExp.escape(`${clone}/main.ts`)}$`, "m"), err);
    }
  });

  Deno.test(`P5: one that is too old is passed over (${under})`, async () => {
    await using site = await openSite(shell);
    await site.put("old/deno", fakeDeno("2.8.3"));
    await site.put("my home/.deno/bin/deno", "#!/bin/sh\nexit 1\n");
    const good = await site.put("my home/.local/bin/deno", fakeDeno("2.9.0"));
    const { out } = await site.run(["doctor"], { path: [`${site.directory}/old`] });
    assert.match(out, new RegExp(`^deno: ${good}\n`));
  });

  Deno.test(`P5: npx gets one, found in PATH or of nvm (${under})`, async () => {
    const npx = (deno: string): string =>
      `#!/bin/sh\n[ "$*" = "--yes deno@2.9.6 eval --quiet --no-config console.log(Deno.execPath())" ] && echo "${deno}"\n`;
    for (
      const place of [
        "node/npx",
        "my home/.nvm/versions/node/v22.1.0/bin/npx",
        "alice/.nvm/versions/node/v20.0.0/bin/npx",
      ]
    ) {
      await using site = await openSite(shell);
      await site.put("getent/getent", getentFor(`${site.directory}/alice`));
      const deno = await site.put("cache/deno", fakeDeno("2.9.6"));
      const path = await site.put(place, npx(deno));
      const { out, err } = await site.run(["doctor"], {
        settings: ["SUDO_USER=alice"],
        path: [`${site.directory}/node`, `${site.directory}/getent`],
      });
      if (isInstalled) continue;
      assert.equal(err, `Getting Deno 2.9.6 with ${path} …\n`);
      assert.match(out, new RegExp(`^deno: ${deno}\n`));
    }
  });

  Deno.test(`where Deno cannot keep its libraries, and has none yet, the message names the way out (${under})`, async () => {
    for (const hasLibraries of [true, false]) {
      await using site = await openSite(shell);
      const deno = await site.put("bin/deno", fakeDeno("2.9.6", { hasLibraries }));
      const path = [`${site.directory}/bin`];
      // A home that is no folder: root, too, cannot write below it.
      await site.put("my home", "a file");
      const { code, out, err } = await site.run(["doctor", "--config", "x"], { path });
      if (hasLibraries) assert.ok(out.startsWith(`deno: ${deno}\n`), err);
      else {
        assert.equal(code, 1, out);
        const libraries = `${site.directory}/my home/.cache/deno`;
        assert.equal(
          err,
          `Error: Deno has to keep the libraries of this program in "${libraries}", which cannot be written\n` +
            `  Hint: Name a folder that can be: DENO_DIR=FOLDER ${launcher} doctor\n`,
        );
        const { err: underSudo } = await site.run([], { path, settings: ["SUDO_USER=nobody"] });
        assert.match(underSudo, /: sudo env DENO_DIR=FOLDER \S+$/m);
      }
      for (
        const setting of [`DENO_DIR=${site.directory}/new/deno`, "DENO_DIR=new", `XDG_CACHE_HOME=${site.directory}`]
      ) {
        const other = await site.run(["doctor"], { path, settings: [setting], cwd: site.directory });
        assert.ok(other.out.startsWith(`deno: ${deno}\n`), `${setting}: ${other.err}`);
      }
    }
  });

  Deno.test(`P5: without HOME in the environment the home of the user is looked into (${under})`, async () => {
    await using site = await openSite(shell);
    const path = await site.put("alice's home/.deno/bin/deno", fakeDeno("2.9.6"));
    await site.put("bin/id", "#!/bin/sh\necho alice\n");
    await site.put("bin/getent", getentFor(`${site.directory}/alice's home`));
    const { code, out } = await site.run(["doctor"], { settings: ["HOME="], path: [`${site.directory}/bin`] });
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^deno: ${path}$`, "m"));
  });

  Deno.test({
    name: `P5: an npx that fails is named, and not missed (${under})`,
    ignore: isInstalled,
    fn: async () => {
      await using site = await openSite(shell);
      const npx = await site.put("node/npx", "#!/bin/sh\necho 'npm error syscall mkdir' >&2\nexit 254\n");
      const { code, err } = await site.run(["doctor"], { path: [`${site.directory}/node`] });
      assert.equal(code, 1);
      assert.equal(
        err,
        `Getting Deno 2.9.6 with ${npx} …\nnpm error syscall mkdir\n` +
          `Error: ${npx} could not get Deno 2.9.6: what it says of that is above\n` +
          `  Hint: It needs the network, and writes to .npm in the home folder ${site.directory}/my home\n` +
          "  Hint: Or install Deno: curl -fsSL https://deno.land/install.sh | sh\n",
      );
    },
  });

  Deno.test({
    name: `P5: without one, the command that installs it is named (${under})`,
    // One at a place for all users would be found.
    ignore: isInstalled,
    fn: async () => {
      await using site = await openSite(shell);
      const none = await site.run(["doctor"]);
      assert.equal(none.code, 1);
      assert.equal(none.out, "");
      assert.equal(
        none.err,
        "Error: No Deno 2.9 or later was found\n  Looked in PATH, ~/.deno/bin, and for npx\n" +
          "  Hint: Install it: curl -fsSL https://deno.land/install.sh | sh\n" +
          "  Hint: Or install Node.js and npm; npx, which comes with them, gets Deno\n",
      );
      const old = await site.put("old/deno", fakeDeno("2.8.3"));
      // A user that does not exist has no home.
      const { err } = await site.run(["doctor"], {
        path: [`${site.directory}/old`],
        settings: ["SUDO_USER=nosuchuser"],
      });
      assert.match(err, new RegExp(`^Error: No Deno 2\\.9 or later was found \\(${old} is Deno 2\\.8\\)\n`));
    },
  });
}

Deno.test("P4: deno task says one short line of its own, and takes the Deno that runs it, whatever PATH and HOME", async () => {
  const home = await Deno.makeTempDir();
  const denoDirectory = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  try {
    const run = async (...args: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> =>
      await system.run([
        "env",
        "-i",
        "PATH=/usr/bin:/bin",
        `HOME=${home}`,
        `DENO_DIR=${denoDirectory}`,
        Deno.execPath(),
        "task",
        ...args,
      ], {
        cwd: `${projectRoot}lib`,
        acceptExitCodes: [0, 1, 2],
      });
    const version = await run("doctor", "--wrong");
    // deno-lint-ignore no-control-regex
    const lines = version.stderr.replaceAll(/\x1b\[[\d;]*m/g, "").split("\n");
    assert.deepEqual(lines.slice(0, 2), [
      "Task doctor ./stiefelsystem doctor '--wrong'",
      "error: unknown option '--wrong'",
    ]);
    // deno-lint-ignore no-control-regex
    const list = (await run()).stderr.replaceAll(/\x1b\[[\d;]*m/g, "") + (await run()).stdout;
    assert.match(list, /check whether this machine can be used from a desktop/);
    assert.ok(list.split("\n").every((line) => line.length <= 170), list);
    const wrong = await run("setup-sever");
    assert.match(wrong.stderr + wrong.stdout, /setup-server/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
