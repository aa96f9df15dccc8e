/** Manual pages and completions, as the programs that read them judge them: mandoc, man, shellcheck, shells. */

import assert from "node:assert/strict";
import { writeManual } from "../support/write_manual.ts";
import { runProgram } from "./shell_rig.ts";

async function withManual(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "stiefel manual-" });
  try {
    await writeManual(folder);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function listPages(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const section of [1, 5, 8]) {
    for await (const { name } of Deno.readDir(`${folder}/man/man${section}`)) {
      found.push(`${folder}/man/man${section}/${name}`);
    }
  }
  return found;
}

const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/nonexistent", LC_ALL: "C.UTF-8" };

Deno.test("mandoc -T lint finds nothing in any page, not even in style", async () => {
  await withManual(async (folder) => {
    const pages = await listPages(folder);
    assert.ok(pages.length > 15);
    const { code, stdout, stderr } = await runProgram(["mandoc", "-T", "lint", ...pages], { env });
    assert.deepEqual([code, stdout + stderr], [0, ""]);
    const broken = `${folder}/broken.1`;
    await Deno.writeTextFile(broken, ".TH X 1\n.SH NAME\nx\n.XX\n");
    assert.notEqual((await runProgram(["mandoc", "-T", "lint", broken], { env })).stdout, "");
  });
});

Deno.test("man shows each page without a warning, and finds its name and purpose", async () => {
  await withManual(async (folder) => {
    for (const path of await listPages(folder)) {
      const shown = await runProgram(["man", "--warnings=w", "-l", path], { env });
      assert.deepEqual([shown.code, shown.stderr], [0, ""], path);
      assert.ok(shown.stdout.split("\n").length > 15, path);
      assert.doesNotMatch(shown.stdout, /\\f|\\&|\\-/, path);
      const name = path.slice(path.lastIndexOf("/") + 1, path.lastIndexOf("."));
      const found = await runProgram(["lexgrog", path], { env });
      assert.match(found.stdout, new RegExp(`: "${RegExp.escape(name)} - \\S.{10,}"\\n$`), found.stderr);
    }
  });
});

Deno.test("man finds a page by its name below the folder", async () => {
  await withManual(async (folder) => {
    const { stdout } = await runProgram(["man", "-M", `${folder}/man`, "stiefelsystem-setup-server"], { env });
    assert.match(stdout, /^ {7}--dry-run$/m);
  });
});

Deno.test("shellcheck finds nothing in the completion for bash, and zsh and fish can read theirs", async () => {
  await withManual(async (folder) => {
    for (
      const argv of [
        ["shellcheck", `${folder}/bash-completion/completions/stiefelsystem`],
        ["bash", "-n", `${folder}/bash-completion/completions/stiefelsystem`],
        ["zsh", "-n", `${folder}/zsh/site-functions/_stiefelsystem`],
        ["fish", "-n", `${folder}/fish/vendor_completions.d/stiefelsystem.fish`],
      ]
    ) {
      const { code, stdout, stderr } = await runProgram(argv, { env });
      assert.deepEqual([code, stdout + stderr], [0, ""], argv.join(" "));
    }
  });
});
