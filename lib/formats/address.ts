/** Internet addresses as text, as far as the wire and the session file need them. */

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** The family of an address without zone and prefix; undefined for any other text. */
export function addressFamily(text: string): 4 | 6 | undefined {
  if (IPV4.test(text)) return 4;
  // The URL parser of the platform is a strict IPv6 parser (WHATWG URL, "IPv6 parser"); the first test keeps
  // everything else out of it.
  if (/^[0-9a-f:.]{2,45}$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`)) return 6;
  return undefined;
}

/** Whether the text is `ADDRESS/PREFIX`, as `ip address add` takes it. */
export function isAddressWithPrefix(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return false;
  const family = addressFamily(text.slice(0, slash));
  const prefix = text.slice(slash + 1);
  if (family === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return false;
  return Number(prefix) <= (family === 4 ? 32 : 128);
}

/** Whether the text is an address, with or without a zone (`fe80::1%eth0`; RFC 4007 section 11). */
export function isAddressWithZone(text: string): boolean {
  const percent = text.indexOf("%");
  if (percent < 0) return addressFamily(text) !== undefined;
  return addressFamily(text.slice(0, percent)) === 6 && isLinkName(text.slice(percent + 1));
}

/**
 * Whether the text can be the name of a network interface and is harmless in a file a shell reads (IFNAMSIZ is 16 with
 * the NUL).
 */
export function isLinkName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(text);
}

/** Whether the text is a MAC address in the one form the wire knows: lower case, colons. */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(text);
}
