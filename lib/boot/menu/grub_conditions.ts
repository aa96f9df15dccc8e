/** GRUB's `test` and `[` commands. Pure. Source: GRUB manual, "test". */

/** What a test may ask about files. */
export interface TestFiles {
  exists(path: string): boolean;
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
};

/** @param args without the command's name and without the closing "]" */
export function evaluateTest(args: readonly string[], files: TestFiles): boolean {
  let at = 0;

  function or(): boolean {
    let result = and();
    while (args[at] === "-o") {
      at++;
      result = and() || result;
    }
    return result;
  }
  function and(): boolean {
    let result = not();
    while (at < args.length && args[at] !== "-o" && args[at] !== ")") {
      if (args[at] === "-a") at++;
      result = not() && result;
    }
    return result;
  }
  function not(): boolean {
    if (args[at] !== "!") return primary();
    at++;
    return !not();
  }
  function primary(): boolean {
    const first = args[at];
    if (first === undefined) return false;
    const compare = comparisons[args[at + 1] ?? ""];
    const second = args[at + 2];
    if (compare !== undefined && second !== undefined) {
      at += 3;
      return compare(first, second);
    }
    if (first === "(") {
      at++;
      const result = or();
      at++; // ")"
      return result;
    }
    const operand = args[at + 1];
    if (operand !== undefined && /^-[nzdefs]$/.test(first)) {
      at += 2;
      if (first === "-n") return operand !== "";
      if (first === "-z") return operand === "";
      return files.exists(operand);
    }
    at++;
    return first !== "";
  }

  return or();
}

function toNumber(text: string): number {
  return Number.parseInt(text, 10) || 0;
}
