/**
 * A laptop's name as one word of a kernel command line and of a boot menu (`stiefel.laptop=`): what such a word cannot
 * hold becomes "_". Pure.
 */

export const LAPTOP_PARAMETER = "stiefel.laptop";
/** Characters; the name of a laptop has no more bytes (doc/protocol.md). */
const maximumCharacters = 64;

export function toLaptopWord(name: string): string {
  return [...name].map((character) => /[\w.,:=/@%+-]/.test(character) ? character : "_").join("")
    .slice(0, maximumCharacters);
}

/** The parameter, as a word of a command line; none for the empty name. */
export function laptopParameters(name: string): readonly string[] {
  return name === "" ? [] : [`${LAPTOP_PARAMETER}=${toLaptopWord(name)}`];
}

/** Whether it can be one. */
export function isLaptopWord(text: string): boolean {
  return text !== "" && toLaptopWord(text) === text;
}
