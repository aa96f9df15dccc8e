/**
 * All that is in a real directory tree, as one comparable value. Listed and hashed by real programs, which are quick.
 */

const commands = [
  // A directory's time of change says nothing: something was in it for a while.
  'find . -type d -printf "%p %y %m %U:%G\\n" -o -printf "%p %y %m %U:%G %T@ %l\\n"',
  'find . "(" -type b -o -type c ")" -exec stat --format="%n %t:%T" {} +',
  "find . -type f -exec sha256sum {} +",
];

/**
 * Kind, mode, owner, target, time of change, device numbers and content hash for all there is below `root`, sorted
 * lines.
 */
export async function snapshotTree(root: string): Promise<readonly string[]> {
  const args = ["-euc", `cd "$0"; ${commands.join("; ")}`, root];
  const { success, stdout, stderr } = await new Deno.Command("sh", { args }).output();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`"${root}" could not be listed: ${decode(stderr)}`);
  return decode(stdout).split("\n").sort();
}

/** Lines that only one of two snapshots has; the others would only hide them. */
export function differingLines(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `-${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+${line}`),
  ];
}
