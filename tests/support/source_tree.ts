/** The project's own sources as data, for tests about the house itself. */

import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";

export interface SourceFile {
  /** Relative to the project, with slashes: "lib/system/real.ts". */
  readonly path: string;
  readonly text: string;
  /** What it imports or re-exports: paths relative to the project, or bare specifiers as they stand. */
  readonly imports: readonly string[];
  /** Names it takes from other files of the project; "*" for all of a file. */
  readonly names: readonly { readonly target: string; readonly name: string }[];
}

export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Every TypeScript file of the project, sorted by path. */
export async function readSources(): Promise<readonly SourceFile[]> {
  const paths = ["main.ts"];
  for (const directory of ["lib", "agents", "tests"]) await collect(directory, paths);
  return await Promise.all(
    paths.sort().map(async (path) => {
      const text = await Deno.readTextFile(projectRoot + path);
      return {
        path,
        text,
        imports: findImports(text).map((specifier) => resolve(path, specifier)),
        names: findNames(text).map(({ specifier, name }) => ({ target: resolve(path, specifier), name })),
      };
    }),
  );
}

async function collect(directory: string, paths: string[]): Promise<void> {
  for await (const entry of Deno.readDir(projectRoot + directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) await collect(path, paths);
    else if (entry.name.endsWith(".ts")) paths.push(path);
  }
}

function findImports(text: string): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\s[^"';]*?\sfrom\s+"([^"]+)"|^import\s+"([^"]+)"|import\("([^"]+)"\)/gm,
  );
  return [...statements].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** `import { a, type b as c } from "./x.ts"`, the same with `export`, and with `await import("./x.ts")`. */
function findNames(text: string): { readonly specifier: string; readonly name: string }[] {
  const statements = text.matchAll(
    /^(?:import|export)\s+(?:type\s+)?(?:\{([^}]*)\}|\*(?:\s+as\s+\w+)?)\s*from\s+"([^"]+)"|(?:\{([^{}]*)\}\s*=\s*await\s+)?\bimport\("([^"]+)"\)/gm,
  );
  return [...statements].flatMap(([, named, from, destructured, dynamic]) => {
    const names = (named ?? destructured)?.split(",").map((item) => /(?:type\s+)?(\w+)/.exec(item.trim())?.[1] ?? "");
    return (names ?? ["*"]).filter(Boolean).map((name) => ({ specifier: from ?? dynamic ?? "", name }));
  });
}

function resolve(importer: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return normalize(join(dirname(importer), specifier));
}

/** Source text without comments, strings and templates, so that a word in them does not count as code. */
export function codeOnly(text: string, { keepTemplates = false } = {}): string {
  return text.replaceAll(
    /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/g,
    (part) => keepTemplates && part.startsWith("`") ? part : "",
  );
}
