/**
 * `/run/stiefelsystem/network.state`: written by stiefel-network on a desktop (doc/hooks.md), whether it has a network
 * of its own on the cable that carries its disk. Lines KEY=value. Pure.
 */

export const networkStatePath = "/run/stiefelsystem/network.state";

export type NetworkState =
  /** A card of this name, because of what has answered. */
  | { readonly card: string; readonly reason: "dhcp" | "router" }
  /** Nothing answers; the cable is out; the kernel lacks what it takes. */
  | { readonly card?: undefined; readonly reason: "alone" | "no-carrier" | "unusable" };

/** Undefined for a text of another form. */
export function parseNetworkState(text: string): NetworkState | undefined {
  const read = (key: string): string | undefined => new RegExp(`^STIEFEL_${key}=([\\w.-]{1,32})$`, "m").exec(text)?.[1];
  const [reason, card] = [read("NETWORK_REASON"), read("NETWORK_CARD")];
  if (read("NETWORK") === "on") {
    return card !== undefined && (reason === "dhcp" || reason === "router") ? { card, reason } : undefined;
  }
  return reason === "alone" || reason === "no-carrier" || reason === "unusable" ? { reason } : undefined;
}
