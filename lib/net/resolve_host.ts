/** The address of a host that is named, by the name servers of this machine. */
import { addressFamily } from "../formats/address.ts";
import { withoutScope } from "./address.ts";

/**
 * @param host an address, with or without a scope, or a name
 * @returns an address stays as it is; of a name's, one of IPv4 comes first
 * @throws {Error} when no name server knows the name, or none answers. Needs `--allow-net`.
 */
export async function resolveHost(host: string, signal: AbortSignal): Promise<string> {
  if (addressFamily(withoutScope(host)) !== undefined) return host;
  for (const kind of ["A", "AAAA"] as const) {
    const [address] = await Deno.resolveDns(host, kind, { signal }).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return [];
      throw new Error(`No name server tells the address of "${host}"`, { cause: error });
    });
    if (address !== undefined) return address;
  }
  throw new Error(`No name server knows "${host}"`);
}
