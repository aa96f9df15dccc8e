/** Programs bundled by Deno, as they are kept. Pure. */

/**
 * Deno names each library by where it lies in its cache, seen from the working directory, in a comment above it or as
 * the name of a part: another text for another home. The name and version of the library are left.
 * @param text of `deno bundle`
 */
export function nameLibraries(text: string): string {
  return text.replaceAll(
    /^(\/\/ | {2}")(?:[^"\n]*\/)?npm\/[^/"\n]+\/((?:@[^/"\n]+\/)?[^/"\n]+\/[^/"\n]+\/.*)$/gm,
    "$1npm/$2",
  );
}
