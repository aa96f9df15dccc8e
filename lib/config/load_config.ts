/** Text of `config.yaml` -> `Config`, or everything that is wrong with it in one go. */

import { checkTogether, type RawSections } from "./check_together.ts";
import type { Config } from "./config.ts";
import { compareDiagnostics, ConfigError, type Diagnostic } from "./diagnostics.ts";
import { findFault } from "./find_fault.ts";
import { makeConfig } from "./make_config.ts";
import { parseYaml, type SyntaxProblem, type YamlMap, type YamlNode } from "./parse.ts";
import { Report } from "./report.ts";
import { keyNames } from "./schema_keys.ts";
import { configSchema, type RawConfig } from "./schema.ts";
import { judgeUnknownKey } from "./unknown_key.ts";
import { validatePart } from "./validate.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** To be shown with `formatDiagnostic`. */
  readonly warnings: readonly Diagnostic[];
}

/**
 * @param text YAML 1.1; an empty text gives the defaults
 * @param fileName as messages should name the file
 * Needs `--allow-env=LOG_TOKENS,LOG_STREAM`: see `parse.ts`.
 * @throws {ConfigError} (a `UserError`, exit code 2) with one line for each mistake, and for nothing else whatever the
 *   text is
 */
export async function loadConfig(text: string, fileName: string): Promise<LoadedConfig> {
  const { root, problems: found } = await parseYaml(text);
  const problems = explain(text, found);
  const report = new Report(root);
  const sections = validateSections(root, report);
  const fatal = firstFatal(problems);
  if (fatal === undefined) checkTogether(sections, report);

  const structural = fatal === undefined
    ? report.diagnostics()
    : report.diagnostics().filter((entry) => isTrusted(entry, firstFatal([...found, fatal]) ?? fatal));
  const diagnostics = [...problems.map(toDiagnostic), ...structural].sort(compareDiagnostics);
  if (diagnostics.some(({ level }) => level === "error")) throw new ConfigError(diagnostics, { fileName, text });
  return { config: makeConfig(sections as RawConfig), warnings: diagnostics };
}

/** Each section on its own, so that a mistake in one does not hide those between others. */
function validateSections(root: YamlNode | undefined, report: Report): RawSections {
  const names = Object.keys(configSchema.entries) as (keyof RawConfig)[];
  if (root?.kind === "list" || (root?.kind === "scalar" && root.value !== null)) {
    report.error([], "a mapping of sections, as in config-example.yaml");
    return {};
  }
  if (root?.kind === "map") reportUnknownSections(root, names, report);
  return Object.fromEntries(names.flatMap((name) => {
    const value = validatePart(configSchema.entries[name], [name], report);
    return value === undefined ? [] : [[name, value]];
  }));
}

function reportUnknownSections(root: YamlMap, names: readonly string[], report: Report): void {
  for (const { key, position } of root.entries) {
    if (names.includes(key)) continue;
    report.at(position, judgeUnknownKey(key, { map: root, path: [], schema: configSchema }));
  }
}

/** The first fault in the YAML itself takes the place of what the reader met because of it. */
function explain(text: string, problems: readonly SyntaxProblem[]): readonly SyntaxProblem[] {
  const fatal = firstFatal(problems);
  const fault = fatal && findFault(text, keyNames(configSchema));
  if (fault === undefined) return problems;
  return [fault, ...problems.filter(({ isFatal, position }) => !isFatal && position.line < fault.position.line)];
}

function firstFatal(problems: readonly SyntaxProblem[]): SyntaxProblem | undefined {
  return problems.filter(({ isFatal }) => isFatal).sort((a, b) => a.position.line - b.position.line)[0];
}

/**
 * After a syntax error the tree is a guess: diagnostics of earlier lines stand, except those about something missing.
 */
function isTrusted({ line, found }: Diagnostic, fatal: SyntaxProblem): boolean {
  return line < fatal.position.line && found !== "nothing";
}

function toDiagnostic({ position, found, wanted }: SyntaxProblem): Diagnostic {
  return { level: "error", line: position.line, column: position.column, found, wanted };
}
