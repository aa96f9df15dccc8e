/** Random numbers that come out the same in every run: a failure can be repeated from its seed. Never for keys. */

export interface SeededRandom {
  /** A whole number from 0 to below the limit. */
  readonly below: (limit: number) => number;
  readonly bytes: (sizeBytes: number) => Uint8Array<ArrayBuffer>;
  readonly pick: <Item>(items: readonly Item[]) => Item;
}

/** The generator "mulberry32" (public domain, Tommy Ettinger): 32 bits of state, good enough to shake a decoder. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return {
    below,
    bytes: (sizeBytes) => Uint8Array.from({ length: sizeBytes }, () => below(256)),
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError("Nothing to pick from");
      return item;
    },
  };
}
