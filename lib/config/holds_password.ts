/** Whether a configuration may be shown. */

import { parseYaml, type YamlNode } from "./parse.ts";

/**
 * @param text of a config.yaml, also of one with mistakes
 * @returns whether a password is set anywhere; yes, too, when the text cannot be read to its end
 */
export async function holdsPassword(text: string): Promise<boolean> {
  const { root, problems } = await parseYaml(text);
  return problems.some(({ isFatal }) => isFatal) || (root !== undefined && hasPasswordKey(root));
}

function hasPasswordKey(node: YamlNode): boolean {
  if (node.kind === "scalar") return false;
  if (node.kind === "list") return node.items.some(hasPasswordKey);
  return node.entries.some(({ key, value }) => /password/i.test(key) || hasPasswordKey(value));
}
