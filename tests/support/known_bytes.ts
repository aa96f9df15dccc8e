/** Whether bytes of a known file are in what was heard on a cable. Pure. */

const sampleBytes = 16;
/** Of each so many bytes of a file one sample: a frame holds several of them. */
const everyBytes = 512;

/** Pieces of a file that occur nowhere by chance: none with few different bytes. */
export function takeSamples(file: Uint8Array): readonly Uint8Array[] {
  const samples: Uint8Array[] = [];
  for (let at = 0; at + sampleBytes <= file.length; at += everyBytes) {
    const sample = file.subarray(at, at + sampleBytes);
    if (new Set(sample).size >= 10) samples.push(sample);
  }
  return samples;
}

/** How many times one of the samples is in one of the frames. */
export function findSamples(frames: readonly Uint8Array[], samples: readonly Uint8Array[]): number {
  const byStart = new Map<number, Uint8Array[]>();
  const isStart = new Uint8Array(0x10000);
  for (const sample of samples) {
    const start = (sample[0] ?? 0) << 8 | (sample[1] ?? 0);
    isStart[start] = 1;
    byStart.set(start, [...byStart.get(start) ?? [], sample]);
  }
  let count = 0;
  for (const frame of frames) {
    for (let at = 0; at + sampleBytes <= frame.length; at++) {
      const start = (frame[at] ?? 0) << 8 | (frame[at + 1] ?? 0);
      if (isStart[start] === 0) continue;
      const isHere = (sample: Uint8Array): boolean => sample.every((byte, index) => frame[at + index] === byte);
      if (byStart.get(start)?.some(isHere)) count++;
    }
  }
  return count;
}
