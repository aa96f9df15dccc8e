/** Addresses in `config.yaml`: of mirrors, and of the sources of drivers. Pure. */

/**
 * Whether it is an address of one of these kinds, without user name and password, each "%" followed by two hex digits
 * (RFC 3986, 2.1); of a file, one whose path is text.
 * @param protocols as in "https:"
 */
export function isAddress(value: string, protocols: readonly string[]): boolean {
  if (!/^[\x21-\x7e]+$/.test(value) || /%(?![0-9A-Fa-f]{2})/.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  if (!protocols.includes(protocol) || username !== "" || password !== "") return false;
  return protocol === "file:" ? filePathOf(value) !== undefined : /^https?:\/\/[^/]/.test(value);
}

/**
 * The path that a file:// address stands for, each %20 and the like turned into what it means.
 * @returns undefined for another address, for another computer's file, for one with "?" or "#" (%3F and %23 in a
 *   name), and for a path that is no text or has control characters in it
 */
export function filePathOf(address: string): string | undefined {
  if (!/^file:\/\/\/[^/?#]/.test(address) || /[?#]/.test(address)) return undefined;
  const { hostname, pathname } = new URL(address);
  try {
    const path = decodeURIComponent(pathname);
    // deno-lint-ignore no-control-regex -- that is what is kept out
    return hostname === "" && path !== "/" && !/[\x00-\x1f\x7f]/.test(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
