/** Order of the versions of Debian packages. Pure. Source: deb-version(7). */

/** @returns below 0 when `a` is older, above 0 when it is newer, 0 when both are the same version */
export function comparePackageVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return Math.sign(left.epoch - right.epoch) || compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision);
}

function split(version: string): { readonly epoch: number; readonly upstream: string; readonly revision: string } {
  const [, epoch = "0", rest = ""] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? [];
  const hyphen = rest.lastIndexOf("-");
  return hyphen < 0
    ? { epoch: Number(epoch), upstream: rest, revision: "0" }
    : { epoch: Number(epoch), upstream: rest.slice(0, hyphen), revision: rest.slice(hyphen + 1) };
}

/** Text and number in turn. */
function compareParts(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== "" || right !== "") {
    const [text = "", otherText = ""] = [/^\D*/.exec(left)?.[0], /^\D*/.exec(right)?.[0]];
    const order = compareText(text, otherText);
    if (order !== 0) return order;
    [left, right] = [left.slice(text.length), right.slice(otherText.length)];
    const [digits = "", otherDigits = ""] = [/^\d*/.exec(left)?.[0], /^\d*/.exec(right)?.[0]];
    const [one, other] = [BigInt(digits || "0"), BigInt(otherDigits || "0")];
    if (one !== other) return one < other ? -1 : 1;
    [left, right] = [left.slice(digits.length), right.slice(otherDigits.length)];
  }
  return 0;
}

/** "~" is before the end, letters are before all other characters. */
function compareText(a: string, b: string): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = rank(a[index]) - rank(b[index]);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}

function rank(character: string | undefined): number {
  if (character === "~") return -1;
  if (character === undefined) return 0;
  return character.charCodeAt(0) + (/[A-Za-z]/.test(character) ? 0 : 256);
}
