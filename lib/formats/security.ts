/** Who on the cable can read and write the disk's blocks: `block.security` of the configuration. Pure. */

/** What a configuration can ask for; the first is the default. */
export const securities = ["none", "wireguard"] as const;
export type Security = typeof securities[number];

/** On both screens, so that nobody takes a network for a cable. */
export const unencryptedNotice =
  "The disk's blocks cross the cable unencrypted (security: none): use a cable or a network that nobody else is on";
/** On the laptop's screen. */
export const encryptedWords = "The disk's blocks go through WireGuard, by keys of this session";
