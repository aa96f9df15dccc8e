/**
 * `/run/stiefelsystem/session.state`: written by stiefel-attach (attach/rules.sh) on a system that runs from a laptop's
 * disk (doc/hooks.md). Lines KEY=value; shell scripts read others of them. Pure.
 */
import { engineTransport } from "./engine.ts";

export const sessionStatePath = "/run/stiefelsystem/session.state";

export interface SessionState {
  /** Of the laptop, where its status is asked for; absent where an initramfs has written the file that knew no such. */
  readonly statusAddress?: string;
  /** The disk is that of a storage system: no laptop can be asked. */
  readonly hasEngine?: true;
}

export function parseSessionState(text: string): SessionState {
  const address = /^STIEFEL_STATUS_ADDRESS=([0-9a-fA-F:.]+(?:%[\w.-]+)?)$/m.exec(text)?.[1];
  return {
    ...address === undefined ? {} : { statusAddress: address },
    ...text.includes(`\nSTIEFEL_TRANSPORT=${engineTransport}\n`) ? { hasEngine: true } : {},
  };
}
