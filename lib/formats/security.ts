/** Who on the cable can read and write the disk's blocks: `block.security` of the configuration. Pure. */

/** What a configuration can ask for; the first is the default. */
export const securities = ["wireguard", "none"] as const;
export type Security = typeof securities[number];
export const defaultSecurity: Security = securities[0];

/** On both screens: on a network that others share they could read and write the disk. */
const unencryptedNotice =
  "The disk's blocks cross the cable unencrypted (security: none): use a cable or a network of your own";
/** Where it was to be encrypted, and the laptop's initramfs for desktops cannot. */
const fallbackNotice =
  "The disk's blocks cross the cable unencrypted: what desktops boot of the laptop was built without WireGuard " +
  "(its kernel needs the module wireguard; then run setup-server there)";

/** Where the settings name an engine. */
export function describeEngine(addresses: readonly string[], isAuthenticated: boolean): string {
  const how = isAuthenticated ? "which knows the desktop by a secret" : "which knows the desktop by its name alone";
  return `The disk is that of ${addresses.join(", ")}, ${how}; its blocks cross the network unencrypted`;
}

export interface SecurityDecision {
  readonly security: Security;
  /** For both screens. */
  readonly notice?: string;
}

/** @param canTunnel what setup-server has noted of the initramfs that the desktop gets */
export function chooseSecurity(setting: Security, canTunnel: boolean): SecurityDecision {
  if (setting === "none") return { security: "none", notice: unencryptedNotice };
  return canTunnel ? { security: setting } : { security: "none", notice: fallbackNotice };
}

/** On the laptop's screen. */
export const encryptedWords = "The disk's blocks go through WireGuard, by keys of this session";
