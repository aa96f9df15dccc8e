/**
 * Patterns of systemd-boot's `default`: "*", "?", "[…]" and "\\" for a character as it is. Pure. Source:
 * loader.conf(5), glob(7).
 */

/** Whether `pattern` matches all of `text`, without regard to case. Takes at most their lengths multiplied. */
export function matchesGlob(pattern: string, text: string): boolean {
  const tokens = parseGlob(pattern.toLowerCase());
  const characters = [...text.toLowerCase()];
  let [at, token] = [0, 0];
  /** Where to go on when the rest after the last "*" does not fit: one character more is the star's. */
  let retry: { at: number; readonly token: number } | undefined;
  while (at < characters.length || token < tokens.length) {
    const test = tokens[token];
    const character = characters[at];
    if (test === "*") {
      token += 1;
      retry = { at, token };
    } else if (test !== undefined && character !== undefined && test(character)) {
      at += 1;
      token += 1;
    } else if (retry !== undefined && retry.at < characters.length) {
      retry.at += 1;
      [at, token] = [retry.at, retry.token];
    } else return false;
  }
  return true;
}

type Token = "*" | ((character: string) => boolean);

function parseGlob(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  // A set may begin with "]"; "!" and "^" in front turn it round.
  for (const [word, set] of pattern.matchAll(/\[([!^]?\]?(?:\\[\s\S]|[^\]\\])*)\]|\\[\s\S]|[\s\S]/gu)) {
    if (set !== undefined) tokens.push(parseSet(set));
    else if (word === "*") tokens.push("*");
    else if (word === "?") tokens.push(() => true);
    else tokens.push((character) => character === (word.length > 1 ? word.slice(1) : word));
  }
  return tokens;
}

function parseSet(text: string): (character: string) => boolean {
  const isNegated = /^[!^]/.test(text);
  const members = [...text.slice(isNegated ? 1 : 0).matchAll(/\\?([\s\S])/gu)].map(([, one = ""]) => one);
  const ranges: (readonly [string, string])[] = [];
  for (let i = 0; i < members.length; i++) {
    const [low = "", dash, high] = members.slice(i, i + 3);
    const isRange = dash === "-" && high !== undefined;
    ranges.push([low, isRange ? high : low]);
    if (isRange) i += 2;
  }
  return (character) => ranges.some(([low, high]) => low <= character && character <= high) !== isNegated;
}
