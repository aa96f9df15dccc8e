/** Which laptop is asked to restart as a server: one at a time. Pure. */

export interface AskedLaptop {
  /** Its address, with the scope of the link. */
  readonly host: string;
  readonly sinceMs: number;
  /** It has said that it will restart. */
  readonly hasAgreed: boolean;
}

/**
 * One that has agreed gets so long before another one is asked: a countdown, a shutdown and the start of the image.
 */
const waitForRestartMs = 180_000;
/**
 * One that has not answers at once if it can. It may be the same that is heard from another address by now: network
 * managers give up on a cable without DHCP and take the link's address away.
 */
const waitForAnswerMs = 10_000;

/** @param asked who was asked last */
export function mayAsk(asked: AskedLaptop | undefined, host: string, nowMs: number): boolean {
  if (asked === undefined || asked.host === host) return true;
  return nowMs - asked.sinceMs >= (asked.hasAgreed ? waitForRestartMs : waitForAnswerMs);
}
