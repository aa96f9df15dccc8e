/**
 * Network addresses as text: link-local addresses get the scope (RFC 4007) that tells the kernel which link is meant.
 */

/** Whether an address means nothing without a link: fe80::/10 unicast, and link-local multicast. */
export function needsScope(address: string): boolean {
  return /^fe[89ab][0-9a-f]:|^ff[0-9a-f]2:/i.test(address);
}

/**
 * `fe80::1` on `eth0` -> `fe80::1%eth0`; addresses that mean the same on every link, or have a scope already, stay as
 * they are.
 */
export function withScope(address: string, link: string): string {
  return needsScope(address) && !address.includes("%") ? `${address}%${link}` : address;
}

/** `fe80::1%eth0` -> `fe80::1`. */
export function withoutScope(address: string): string {
  return address.split("%", 1)[0] ?? address;
}

/**
 * Without a scope, and an IPv4 address that a socket for both families shows as `::ffff:192.0.2.1` (RFC 4291 section
 * 2.5.5.2) as itself.
 */
export function plainAddress(address: string): string {
  return withoutScope(address).replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** `::1` -> `[::1]:80`, `192.0.2.1` -> `192.0.2.1:80`: an address and port for people to read. */
export function describeEndpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
