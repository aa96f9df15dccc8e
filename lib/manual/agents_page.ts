/** stiefelsystem-agents(8), from what the agents say with --help. Pure. */
import { kernelParameters } from "./kernel_parameters.ts";
import { agentsPage, configPage, type PageEdition } from "./pages.ts";
import { bold, formatPage, italic, literal, prose, section, seeAlso, tagged } from "./roff.ts";

/** @param usages what each agent prints with --help */
export function formatAgentsPage(usages: readonly string[], edition: PageEdition): string {
  return formatPage({ ...agentsPage, purpose: "programs that lend a laptop's disk and boot from it", ...edition }, [
    ...section("DESCRIPTION", [
      ...prose(
        "Two programs in the image: `server-agent` on the laptop and `client-agent` on the desktop. The kernel parameter " +
          "`stiefel.role` says which one runs. `autokexec-agent` runs on the laptop's own system and turns it into a server.",
      ),
      ".PP",
      ...prose(
        "Options win over kernel parameters, which win over the settings that the image has from `config.yaml`.",
      ),
    ]),
    ...usages.flatMap(agentLines),
    ...section(
      "KERNEL PARAMETERS",
      kernelParameters.flatMap(({ name, value, meaning }) =>
        tagged(value === undefined ? bold(name) : `${bold(`${name}=`)}${italic(value)}`, meaning)
      ),
    ),
    ...seeAlso([
      { name: "stiefelsystem", section: 1 },
      { name: "stiefelsystem-serve-now", section: 1 },
      { name: "stiefelsystem-status", section: 1 },
      configPage,
    ]),
  ]);
}

function agentLines(usage: string): readonly string[] {
  const [first = "", ...blocks] = usage.trim().split(/\n\n+/);
  const name = /^Usage: (\S+)/.exec(first)?.[1] ?? "";
  return section(name.toUpperCase(), [
    `${bold(name)} [${italic("OPTIONS")}]`,
    ...blocks.flatMap((block) => [
      ...block.startsWith("Options:") ? [] : [".PP"],
      ...block.startsWith("Options:")
        ? optionLines(block)
        : block.startsWith("Examples:")
        ? ["Examples:", ".nf", ...block.split("\n").slice(1).map(literal), ".fi"]
        : prose(block),
    ]),
  ]);
}

/** "  --key FILE    meaning", which may go on in lines that stand further in. */
function optionLines(block: string): readonly string[] {
  const entries = block.replaceAll(/\n {3,}/g, "  ").split("\n").slice(1);
  return entries.flatMap((entry) => {
    const [, flags = "", value, meaning = ""] = /^ {2}(--[\w-]+(?:, --[\w-]+)*)(?: ([A-Z]+))?\s*(.*)$/.exec(entry) ??
      [];
    const names = flags.split(", ").map(bold).join(", ");
    return tagged(value === undefined ? names : `${names} ${italic(value)}`, meaning);
  });
}
