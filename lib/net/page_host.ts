/**
 * Whether a request for a page was meant for this machine (RFC 9110 section 7.2). A page of the web can give its own
 * name our address ("DNS rebinding"), and a browser then lets it read what we answer; but it sends that name as Host.
 * Pure.
 */
import { addressFamily } from "../formats/address.ts";

export interface PagePlace {
  /** The address of ours that the connection came to, without a scope. */
  readonly localAddress: string;
  readonly port: number;
  /** What this machine is called. What cannot be the name of a host counts for nothing. */
  readonly names: readonly string[];
}

/**
 * @param authority `HOST` or `HOST:PORT`, as in a Host header
 * @returns "malformed" for what no client sends
 */
export function checkHost(authority: string, place: PagePlace): "ours" | "foreign" | "malformed" {
  const match = /^(?:\[([0-9a-f:.]+)(?:%[\w.~%-]+)?\]|([^\s:[\]@/?#\\]+))(?::(\d{0,5}))?$/i.exec(authority);
  if (match === null) return "malformed";
  const [, address6, name, port = ""] = match;
  if (port !== "" && Number(port) !== place.port) return "foreign";
  if (address6 !== undefined) {
    if (addressFamily(address6) !== 6) return "malformed";
    return canonical6(address6) === canonical6(place.localAddress) ? "ours" : "foreign";
  }
  return isOurName(name ?? "", place) ? "ours" : "foreign";
}

function isOurName(text: string, { localAddress, names }: PagePlace): boolean {
  if (addressFamily(text) === 4) return text === localAddress;
  const name = text.toLowerCase().replace(/\.$/, "");
  // a browser that asks through the loopback is on this machine
  const isLoopback = localAddress === "::1" || localAddress.startsWith("127.");
  const ours = names.map((one) => one.toLowerCase()).filter((one) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(one));
  // RFC 6762 section 3: names of a link end with "local"
  return [...ours, ...ours.map((one) => `${one}.local`), ...(isLoopback ? ["localhost"] : [])].includes(name);
}

/** The one form of an IPv6 address (RFC 5952), with an IPv4 address in it as itself; "" for other text. */
function canonical6(text: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  if (addressFamily(text) === 4) return canonical6(`::ffff:${text}`);
  if (mapped !== undefined && addressFamily(mapped) !== 4) return "";
  return addressFamily(text) === 6 ? new URL(`http://[${text}]/`).hostname : "";
}
