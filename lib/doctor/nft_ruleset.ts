/** What `nft list ruleset` (nft(8)) says about packets of IPv6. Pure. */

export type Hook = "input" | "output";

/** A base chain that refuses what no rule takes, and every rule that a packet may meet on its way through it. */
export interface RefusingChain {
  readonly table: string;
  readonly chain: string;
  /** Rules that refuse nothing, of this chain and of those it jumps to, and the elements of the table's sets. */
  readonly rules: readonly string[];
}

/** nft(8), ADDRESS FAMILIES: a table "ip" sees no IPv6. */
const ipv6Table = /^table (?:inet|ip6) (\S+) \{\n((?:(?!\}).*\n)*)/gm;
const block = /^\t(?:chain|set|map) (\S+) \{\n((?:(?!\t\}).*\n)*)/gm;
const refusing = /\b(?:drop|reject(?: with .*)?)(?: comment ".*")?$/;
/**
 * The same without anything that limits it to some packets: as the last rule it is worth a policy. firewalld does it
 * like that.
 */
const refusingAll =
  /^\s*(?:counter(?: packets \d+ bytes \d+)? )?(?:log .*)?(?:drop|reject(?: with \S+(?: type)? \S+)?)(?: comment ".*")?$/;

/**
 * The chains of a hook that refuse by policy or by a last rule for all. A packet has to be taken by each of them.
 * @param ruleset output of `nft list ruleset`
 */
export function listRefusingChains(ruleset: string, hook: Hook): readonly RefusingChain[] {
  return [...ruleset.matchAll(ipv6Table)].flatMap(([, table = "", body = ""]) => {
    const blocks = new Map([...body.matchAll(block)].map(([, name = "", text = ""]) => [name, text.split("\n")]));
    const elements = [...body.matchAll(/^\t\telements = .*(?:\n\t\t\t.*)*/gm)].flatMap(([text]) => text.split("\n"));
    return [...blocks].filter(([, lines]) => isBaseChain(lines, hook) && refusesTheRest(lines)).map(([chain]) => ({
      table,
      chain,
      rules: [...listReachable(blocks, chain), ...elements].map((rule) => rule.trim()).filter((rule) =>
        rule !== "" && !refusing.test(rule)
      ),
    }));
  });
}

function isBaseChain(lines: readonly string[], hook: Hook): boolean {
  return lines.some((line) => new RegExp(`^\\t\\ttype filter hook ${hook} `).test(line));
}

function refusesTheRest(lines: readonly string[]): boolean {
  const last = lines.filter((line) => line.trim() !== "").at(-1) ?? "";
  return lines.some((line) => /policy drop;/.test(line)) || refusingAll.test(last);
}

/** Rules of a chain and of all that it jumps to (statements "jump" and "goto", also in verdict maps). */
function listReachable(blocks: ReadonlyMap<string, readonly string[]>, start: string): readonly string[] {
  const seen = new Set([start]);
  for (const name of seen) { // grows meanwhile
    const text = (blocks.get(name) ?? []).join("\n");
    for (const [, target = ""] of text.matchAll(/\b(?:jump|goto) (\S+?)(?=[,\s}]|$)/g)) seen.add(target);
  }
  return [...seen].flatMap((name) => blocks.get(name) ?? []);
}
