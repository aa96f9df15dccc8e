/** GRUB's `test` and `[` commands. Pure. Source: GRUB, grub-core/commands/test.c. */

/** What a test may ask about a path; undefined when there is nothing. */
export interface TestFiles {
  look(path: string): { readonly kind: "file" | "directory"; readonly sizeBytes: number } | undefined;
}

const comparisons: Readonly<Record<string, (left: string, right: string) => boolean>> = {
  "=": (left, right) => left === right,
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
  "-eq": (left, right) => toNumber(left) === toNumber(right),
  "-ne": (left, right) => toNumber(left) !== toNumber(right),
  "-lt": (left, right) => toNumber(left) < toNumber(right),
  "-le": (left, right) => toNumber(left) <= toNumber(right),
  "-gt": (left, right) => toNumber(left) > toNumber(right),
  "-ge": (left, right) => toNumber(left) >= toNumber(right),
  "-pgt": (left, right) => comparePrefixed(left, right) > 0,
  "-plt": (left, right) => comparePrefixed(left, right) < 0,
};

const fileTests: Readonly<Record<string, (found: ReturnType<TestFiles["look"]>) => boolean>> = {
  "-e": (found) => found !== undefined,
  "-f": (found) => found?.kind === "file",
  "-d": (found) => found?.kind === "directory",
  "-s": (found) => found?.kind === "file" && found.sizeBytes > 0,
};

/** GRUB's own limit. */
const maximumDepth = 100;

/** @param args without the command's name; a "]" at the end is ignored */
export function evaluateTest(args: readonly string[], files: TestFiles): boolean {
  const end = args.at(-1) === "]" ? args.length - 1 : args.length;
  let at = 0;

  // As GRUB does: terms are joined by "and" from left to right, "-a" is only noise, "-o" begins anew, "!" turns the
  // next term.
  function expression(depth: number): boolean {
    let [isAnd, isOr, isInverted] = [true, false, false];
    const take = (value: boolean): void => {
      isAnd &&= value !== isInverted;
      isInverted = false;
    };
    while (at < end) {
      const [first = "", second = "", third = ""] = args.slice(at, end);
      const compare = at + 2 < end ? findComparison(second, files) : undefined;
      const fileTest = at + 1 < end && Object.hasOwn(fileTests, first) ? fileTests[first] : undefined;
      if (compare !== undefined) {
        take(compare(first, third));
        at += 3;
      } else if (fileTest !== undefined) {
        take(fileTest(files.look(second)));
        at += 2;
      } else if (at + 1 < end && (first === "-n" || first === "-z")) {
        take((second !== "") === (first === "-n"));
        at += 2;
      } else {
        at++;
        if (first === ")") return isOr || isAnd;
        if (first === "(") {
          if (depth >= maximumDepth) return isOr || isAnd;
          take(expression(depth + 1));
        } else if (first === "!") isInverted = !isInverted;
        else if (first === "-o") [isOr, isAnd] = [isOr || isAnd, true];
        else if (first !== "-a") take(first !== "");
      }
    }
    return isOr || isAnd;
  }

  return args.length > 0 && end > 0 ? expression(0) : true;
}

function findComparison(operator: string, files: TestFiles): ((left: string, right: string) => boolean) | undefined {
  if (Object.hasOwn(comparisons, operator)) return comparisons[operator];
  // Newer, older: times are not known here, so only what exists counts.
  const exists = (path: string): boolean => files.look(path) !== undefined;
  if (operator.startsWith("-nt")) return (left, right) => exists(left) && !exists(right);
  if (operator.startsWith("-ot")) return (left, right) => !exists(left) && exists(right);
  return undefined;
}

/** strtol(3) with base 0: "0x1f" and "017", too; what comes after the digits is ignored. */
function toNumber(text: string): number {
  const [, sign = "", hex, octal, decimal = "0"] = /^\s*(-?)(?:0[xX]([0-9A-Fa-f]+)|0([0-7]+)|(\d+))?/.exec(text) ?? [];
  const value = hex !== undefined
    ? Number.parseInt(hex, 16)
    : Number.parseInt(octal ?? decimal, octal === undefined ? 10 : 8);
  return sign === "-" ? -value : value;
}

/** The first numbers in which two names of one kind differ: "vmlinuz-2" comes before "vmlinuz-11". */
function comparePrefixed(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  at--;
  while (at > 0 && /\d/.test(left[at] ?? "")) at--;
  at++;
  return toNumber(left.slice(at)) - toNumber(right.slice(at));
}
