/** Exports of the product that the product does not need. */

import { codeOnly, type SourceFile } from "./source_tree.ts";

/** What a file exports by a declaration. */
interface Export {
  readonly name: string;
  readonly isType: boolean;
  /** Its doc comment says that it is there for tests. */
  readonly isTestSeam: boolean;
}

const declaration =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^export\s+(?:async\s+)?(function\*?|const|class|interface|type)\s+(\w+)/gm;

function listExports(text: string): readonly Export[] {
  return [...text.matchAll(declaration)].map(([, comment = "", kind = "", name = ""]) => ({
    name,
    isType: kind === "interface" || kind === "type",
    isTestSeam: /\bFor tests\b/.test(comment),
  }));
}

function isTest(path: string): boolean {
  return path.startsWith("tests/") || path.endsWith("_test.ts");
}

/**
 * An export counts as needed when another file of the product imports it; when only tests do, its own file has to use
 * it as well (a decision that is tested by itself), or its doc comment says "For tests". A type may be exported for
 * those who read a signature with it.
 */
export function findUnusedExports(sources: readonly SourceFile[]): readonly string[] {
  const importers = new Map<string, string[]>();
  for (const file of sources) {
    for (const { target, name } of file.names) {
      const key = `${target} ${name}`;
      importers.set(key, [...importers.get(key) ?? [], file.path]);
    }
  }
  return sources.filter(({ path }) => !isTest(path)).flatMap(({ path, text }) =>
    listExports(text).filter(({ name, isType, isTestSeam }) => {
      const users = [...importers.get(`${path} ${name}`) ?? [], ...importers.get(`${path} *`) ?? []];
      if (users.some((user) => !isTest(user))) return false;
      const isUsedHere =
        (codeOnly(text, { keepTemplates: true }).match(new RegExp(`\\b${name}\\b`, "g")) ?? []).length > 1;
      return users.length > 0 ? !isUsedHere && !isTestSeam : !isType || !isUsedHere;
    }).map(({ name }) => `${path}: ${name}`)
  );
}
