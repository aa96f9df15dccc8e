/** stiefelsystem.yaml(5), from the schema of the configuration. Pure. */
import { type KeyInfo, listKeys } from "../config/schema_keys.ts";
import { configSchema } from "../config/schema.ts";
import { MODULE_CATALOG } from "../config/module_catalog.ts";
import { agentsPage, configPage, type PageEdition } from "./pages.ts";
import { bold, formatPage, prose, section, seeAlso, tagged } from "./roff.ts";

export function formatConfigPage(edition: PageEdition): string {
  return formatPage({ ...configPage, purpose: "configuration of the image and of the laptop", ...edition }, [
    ...section("DESCRIPTION", [
      ...prose(
        "The file `config.yaml`, or the one that the option --config names. Every key may be left out; without the " +
          "file everything is at its default. It is YAML 1.1, in UTF-8. The commands read it on the machine where the " +
          "image is built; the agents get what they need of it inside the image, so a changed configuration needs a new image.",
      ),
      ".PP",
      ...prose(
        "All mistakes are reported together, with line and column, before a command does anything. An unknown key is a " +
          "warning, or an error where its default could be a surprise. `stiefelsystem init` writes a file for this laptop.",
      ),
    ]),
    ...section("KEYS", [
      ...prose("Dots stand for levels: `boot.disk` is the key `disk` in the mapping `boot`."),
      ...listKeys(configSchema).flatMap((key) => tagged(bold(key.path), `${key.description}. ${formatFallback(key)}`)),
    ]),
    ...section("MODULES", [
      ...prose("What the key `modules` may hold, beside names of your own below `module-configs`:"),
      ".PP",
      ...prose(`${MODULE_CATALOG.map(({ name }) => `\`${name}\``).join(", ")}.`),
    ]),
    ...seeAlso([{ name: "stiefelsystem", section: 1 }, { name: "stiefelsystem-init", section: 1 }, agentsPage]),
  ]);
}

function formatFallback({ fallback, isRequired }: KeyInfo): string {
  if (isRequired) return "Needed when its group is there.";
  if (fallback === undefined) return "No default.";
  return `Default: \`${Array.isArray(fallback) ? `[${fallback.join(", ")}]` : fallback}\`.`;
}
