/**
 * A laptop's name as one word of a kernel command line and of a boot menu (`stiefel.laptop=`): what such a word cannot
 * hold becomes "_". Pure.
 */

/** At most this many characters. */
export const LAPTOP_WORD_MAX = 64;

export function toLaptopWord(name: string): string {
  return [...name].map((character) => /[\w.,:=/@%+-]/.test(character) ? character : "_").join("")
    .slice(0, LAPTOP_WORD_MAX);
}

/** Whether it can be one. */
export function isLaptopWord(text: string): boolean {
  return text !== "" && toLaptopWord(text) === text;
}
