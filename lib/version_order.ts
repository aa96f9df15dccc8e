/** Order of version strings. Pure. Source: UAPI Group, "Version Format Specification". */

/**
 * Separators from lowest to highest precedence of being checked: a string that has one where the other has not is the
 * older one.
 */
const separators = ["-", "^", "."] as const;

/** @returns below 0 when `a` is older, above 0 when it is newer, 0 when both are the same version */
export function compareVersions(a: string, b: string): number {
  let left = dropOthers(a);
  let right = dropOthers(b);
  for (;;) {
    // "~" marks what comes before a release, so it is older even than nothing.
    const tilde = compareMark(left, right, "~");
    if (tilde !== undefined && tilde !== 0) return tilde;
    if (tilde === undefined) {
      if (left === "" || right === "") return sign(left.length - right.length);
      const mark = separators.map((one) => compareMark(left, right, one)).find((order) => order !== undefined);
      if (mark !== undefined && mark !== 0) return mark;
      if (mark === undefined) {
        const order = compareSegment();
        if (order !== 0) return order;
        continue;
      }
    }
    left = dropOthers(left.slice(1));
    right = dropOthers(right.slice(1));
  }

  function compareSegment(): number {
    const isNumber = /^\d/.test(left) || /^\d/.test(right);
    const pattern = isNumber ? /^\d*/ : /^[A-Za-z]*/;
    const [one = ""] = pattern.exec(left) ?? [];
    const [other = ""] = pattern.exec(right) ?? [];
    left = dropOthers(left.slice(one.length));
    right = dropOthers(right.slice(other.length));
    if (!isNumber) return compareText(one, other);
    if (one === "" || other === "") return sign(one.length - other.length);
    const [short, long] = [one.replace(/^0+/, ""), other.replace(/^0+/, "")];
    return sign(short.length - long.length) || compareText(short, long);
  }
}

function dropOthers(text: string): string {
  return text.replace(/^[^A-Za-z0-9.~^-]+/, "");
}

/** undefined: neither starts with the mark; 0: both do. */
function compareMark(left: string, right: string, mark: string): number | undefined {
  const [one, other] = [left.startsWith(mark), right.startsWith(mark)];
  if (one && other) return 0;
  return one ? -1 : other ? 1 : undefined;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function sign(value: number): number {
  return Math.sign(value);
}
