/** The JSON Schema of `config.yaml`, for editors (yaml-language-server and those built on it). */

import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "./schema.ts";

/**
 * @returns the content of `config.schema.json`. It knows the keys, types, patterns, defaults and purposes; rules that only the
 * loader can check (addresses, compressors, what belongs together) are not in it.
 */
export function configJsonSchema(): Record<string, unknown> {
  const schema = toJsonSchema(configSchema, { typeMode: "input", errorMode: "ignore" });
  return { ...schema, title: "Stiefelsystem configuration", description: "See doc/config.md" };
}

/** The text of the file, byte for byte. */
export function formatConfigJsonSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
