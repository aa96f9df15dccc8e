/**
 * Works on all items, so many at a time: for tests that mostly wait for programs. @throws the first error, when the
 * others have ended
 */
export async function inLanes<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<void>,
  lanes = 3,
): Promise<void> {
  const queue = [...items.entries()];
  const errors: unknown[] = [];
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let next = queue.shift(); next !== undefined && errors.length === 0; next = queue.shift()) {
      const [index, item] = next;
      await work(item, index).catch((error) => void errors.push(error));
    }
  }));
  if (errors.length > 0) throw errors[0];
}
