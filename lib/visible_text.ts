/** Text from files and programs on a terminal. Pure. */

/**
 * Control characters, and those that turn the direction of writing, as their numbers: they could hide what is shown,
 * or make a terminal swallow what comes after them. Tabs and ends of lines stay.
 */
export function makeVisible(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `<${character.charCodeAt(0).toString(16).padStart(2, "0")}>`;
  });
}
