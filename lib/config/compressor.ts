/** The compressor of the image's initrd: a program with options, as `initrd.packing.compressor` gives it. */

import type { Compressor, CompressorProgram } from "./config.ts";

interface ProgramRules {
  /** Least and greatest number after "-". */
  readonly levels?: readonly [number, number];
  readonly options: RegExp;
  /**
   * What the kernel's unpacker needs (linux: Documentation/admin-guide/initrd.rst, lib/decompress_*.c); added when not
   * written.
   */
  readonly needed?: string;
}

const PROGRAMS: Readonly<Record<CompressorProgram, ProgramRules>> = {
  cat: { options: /^$/ },
  gzip: { levels: [1, 9], options: /^(-n|--no-name|--rsyncable|--best|--fast)$/ },
  // Level 10 does not exist; 11 is zopfli.
  pigz: { levels: [0, 11], options: /^(-n|--no-name|-p ?[0-9]+|--best|--fast)$/ },
  // The kernel refuses windows above 128 MiB, which is 2^27 (lib/decompress_unzstd.c).
  zstd: {
    levels: [1, 22],
    options: /^(-T[0-9]+|--ultra|--long(=(1[0-9]|2[0-7]))?|--single-thread|--no-check|--check)$/,
  },
  // The kernel's xz knows CRC32 only.
  xz: { levels: [0, 9], options: /^(-e|--extreme|-T[0-9]+|--check=(crc32|none))$/, needed: "--check=crc32" },
  // The kernel knows the legacy frame format only.
  lz4: { levels: [1, 12], options: /^(-l|--best)$/, needed: "-l" },
  bzip2: { levels: [1, 9], options: /^(--best|--fast)$/ },
};

/** What a value that is refused should have been. */
export const COMPRESSOR_WANTED = `a program the kernel can unpack after, with its options: ${
  Object.keys(PROGRAMS).join(", ")
}, as in "zstd -19 -T0" (zstd at most --long=27, levels within the program's range)`;

/** @returns undefined when the kernel could not unpack the result, or an option is unknown or out of bounds */
export function parseCompressor(text: string): Compressor | undefined {
  const [program = "", ...words] = text.trim().split(/[ \t]+/);
  if (!isCompressorProgram(program)) return undefined;
  const rules = PROGRAMS[program];
  if (!words.every((word) => rules.options.test(word) || isLevel(word, rules))) return undefined;
  const level = words.find((word) => /^-[0-9]+$/.test(word));
  if (program === "pigz" && level === "-10") return undefined;
  if (program === "zstd" && Number(level) < -19 && !words.includes("--ultra")) return undefined;
  const needed = rules.needed === undefined ||
    words.some((word) => word.startsWith("--check") || word === rules.needed);
  return { program, arguments: needed || rules.needed === undefined ? words : [...words, rules.needed] };
}

function isCompressorProgram(name: string): name is CompressorProgram {
  return Object.hasOwn(PROGRAMS, name);
}

function isLevel(word: string, { levels }: ProgramRules): boolean {
  if (levels === undefined || !/^-[0-9]{1,2}$/.test(word)) return false;
  const level = Number(word.slice(1));
  return level >= levels[0] && level <= levels[1];
}
