/** "Did you mean": the known name that looks most like a mistyped one. */

/** @returns the closest of `names`, or undefined when none is close enough to be meant; "-", "_" and case do not count */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (typed.length > 100) return undefined;
  const wanted = fold(typed);
  const ranked = names
    .map((name) => ({ name, distance: editDistance(wanted, fold(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.min(name.length, typed.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}

/** Levenshtein distance: the least number of inserted, deleted and replaced characters. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
