/** Every text that people read in the project, and the files that it names. */

import { projectRoot } from "./source_tree.ts";

const folders = ["agents", "doc", "image", "lib", "tests"];
/** Recorded output of real systems and tests stays as it is; samples of this rule are no names. */
const notOurs =
  /^tests\/(?:golden|fixtures|vectors)\/|^doc\/decisions\/|^CHANGELOG\.md$|^tests\/architecture_test\.ts$/;

export interface ProjectText {
  readonly path: string;
  readonly text: string;
}

/** All files of the project that are text, and the names of all of them. */
export async function readProjectTexts(): Promise<
  { readonly texts: readonly ProjectText[]; readonly paths: ReadonlySet<string> }
> {
  const paths = [];
  for await (const { name, isFile } of Deno.readDir(projectRoot)) if (isFile) paths.push(name);
  for (const folder of folders) await collect(folder, paths);
  const ours = paths.filter((path) =>
    !notOurs.test(path) && /\.(?:ts|md|sh|yaml)$|^image\/|^stiefelsystem$/.test(path)
  );
  const texts = ours.map(async (path) => ({ path, text: await Deno.readTextFile(projectRoot + path) }));
  return { texts: await Promise.all(texts), paths: new Set(paths) };
}

async function collect(folder: string, paths: string[]): Promise<void> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(projectRoot + folder)) {
    if (isDirectory) await collect(`${folder}/${name}`, paths);
    if (isFile) paths.push(`${folder}/${name}`);
  }
}

/**
 * "FILE names OTHER" for each name of a file or folder of ours that is not there: a path from the top anywhere, a name
 * alone in backticks. A path may stop in the middle of a name, as of a group of files ("tests/golden/plans/arch-*").
 */
export function findMissingFiles(texts: readonly ProjectText[], paths: ReadonlySet<string>): readonly string[] {
  const names = new Set([...paths].map((path) => path.slice(path.lastIndexOf("/") + 1)));
  return texts.flatMap(({ path, text }) => {
    const whole = text.matchAll(
      /(?<![\w/.:$}{*-])((?:agents|doc|image|lib|tests)\/[\w./-]+\.(?:ts|md|sh|yaml|json))\b/g,
    );
    const bare = text.matchAll(/(?<![\w/.:$}{*@~-])((?:agents|doc|image|lib|tests)\/[\w/-]+[\w-])(?![\w./-]*\.\w)/g);
    const short = text.matchAll(/`([a-z_]+\.ts)`/g);
    const missing = [
      ...[...whole].map(([, name = ""]) => name).filter((name) => !paths.has(name) && !name.includes("NNNN")),
      ...[...bare].map(([, name = ""]) => name).filter((name) =>
        !/_$|NAME|NNNN/.test(name) && ![...paths].some((path) => path.startsWith(name))
      ),
      ...[...short].map(([, name = ""]) => name).filter((name) => !names.has(name)),
    ];
    return [...new Set(missing)].map((name) => `${path} names ${name}`);
  });
}
