/** What a person can check while a desktop waits for its laptop, one thing after the other. Pure. */
import type { Link } from "../../lib/system/facts.ts";
import type { AskedLaptop } from "./asked_laptop.ts";

/** From one to the next. */
export const ADVICE_INTERVAL_MS = 15_000;

/**
 * @param links those that may reach a laptop
 * @param asked the laptop that was asked to restart as a server
 * @param options.turn how many times the client has given advice before
 * @param options.vlan number of the VLAN on which alone it asks
 */
export function adviseOn(
  links: readonly Pick<Link, "name" | "isUp" | "hasCarrier">[],
  asked: Pick<AskedLaptop, "hasAgreed"> | undefined,
  { turn, vlan }: { readonly turn: number; readonly vlan?: number | undefined },
): string {
  if (asked?.hasAgreed) {
    return "The laptop agreed to restart: it shuts its own system down first; its screen shows whether something holds it up";
  }
  if (links.length === 0) {
    return "No network card: plug one in, or build the image with its driver (modules in config.yaml)";
  }
  const connected = links.filter(({ isUp, hasCarrier }) => isUp && hasCarrier).map(({ name }) => name);
  if (connected.length === 0) {
    return "No cable with a live other end: is it plugged in on both sides, and is the laptop switched on?";
  }
  const silence = `No answer yet (${connected.join(", ")}):`;
  const checks = [
    ...vlan === undefined
      ? []
      : [`${silence} do both ends have VLAN ${vlan} on this cable (network.vlan), and all switches between them?`],
    `${silence} is the laptop on, awake, and at the other end of this cable?`,
    `${silence} the laptop has to serve already, or to run its own system with autokexec (there: systemctl status stiefel-autokexec)`,
    `${silence} a firewall on the laptop has to let UDP port 61570 in (there: doctor)`,
    `${silence} laptop and this image have to hold the same aes-key (a laptop with another key says so in its journal)`,
  ];
  return checks[turn % checks.length] ?? silence;
}
