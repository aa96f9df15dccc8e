/** "Did you mean": the known name that looks most like a mistyped one. */

/**
 * @returns the closest of `names`, or undefined when none is close enough to be meant; "-", "_" and case do not count
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (typed.length > 100) return undefined;
  const foldedName = foldName(typed);
  const ranked = names
    .map((name) => ({ name, distance: editDistance(foldedName, foldName(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.min(name.length, typed.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name;
}

/** A name as far as it counts: without case, "-" and "_". */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}

/**
 * Levenshtein distance, neighbours changing places counted as one change: the least number of changes that make `b` of
 * `a`.
 */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : Infinity;
      current.push(Math.min(replaced, swapped, at(row - 1, column) + 1, (current[column - 1] ?? 0) + 1));
    }
  }
  return at(a.length, b.length);
}
