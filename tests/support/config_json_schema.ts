/** The JSON Schema of `config.yaml`, for editors (yaml-language-server and those built on it). */

import { toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "../../lib/config/schema.ts";

/**
 * @returns the content of `config.schema.json`. It knows the keys, types, patterns, defaults and purposes; rules that
 *   only the
 * loader can check (addresses, compressors, what belongs together) are not in it.
 */
export function configJsonSchema(): Record<string, unknown> {
  const schema = toJsonSchema(configSchema, { typeMode: "input", errorMode: "ignore" });
  return {
    ...closeObjects(schema) as Record<string, unknown>,
    title: "Stiefelsystem configuration",
    description: "See doc/config.md",
  };
}

/**
 * Most unknown keys are only warned about when the file is loaded; an editor should mark them all. What is the
 * loader's alone goes.
 */
function closeObjects(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closeObjects);
  if (typeof schema !== "object" || schema === null) return schema;
  const closed = Object.fromEntries(
    Object.entries(schema).filter(([key]) => key !== "guards").map(([key, value]) => [key, closeObjects(value)]),
  );
  return "properties" in closed && typeof closed.properties === "object"
    ? { additionalProperties: false, ...closed }
    : closed;
}

/** The text of the file, byte for byte. */
export function formatConfigJsonSchema(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
