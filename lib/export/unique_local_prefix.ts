/** A private network of a session's own. Pure. */

export const uniqueLocalPrefixBytes = 7;

/**
 * A random /64 of fd00::/8: RFC 4193 section 3.2, the subnet random as well. Groups are never zero, so that the text
 * has one form.
 * @param random {@link uniqueLocalPrefixBytes}
 */
export function uniqueLocalPrefix(random: Uint8Array): string {
  const bytes = [0xfd, ...random];
  const groups = [0, 2, 4, 6].map((index) => (bytes[index] ?? 0) << 8 | (bytes[index + 1] ?? 0));
  return groups.map((group) => Math.max(1, group).toString(16)).join(":");
}
