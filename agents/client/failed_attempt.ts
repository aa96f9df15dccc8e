/** What an attempt of the client ended with: what that means, in words and for the next attempt. Pure. */
import { describeError, ProtocolError, UserError } from "../../lib/errors.ts";
import { REFUSE_CODES } from "../../lib/protocol/boot_exchange.ts";
import { ExchangeFailed } from "./exchange.ts";
import { KernelRefused } from "./kernel_refusal.ts";

/** Why this desktop cannot start the laptop's kernel, when that ended an exchange. */
export function refusalOf(error: unknown): KernelRefused | undefined {
  return error instanceof ExchangeFailed && error.cause instanceof KernelRefused ? error.cause : undefined;
}

/** The laptop does not lend its disk, or this desktop cannot start its kernel: a person may choose another one. */
export function isRefusal(error: unknown): boolean {
  return refusalOf(error) !== undefined ||
    (error instanceof ExchangeFailed && REFUSE_CODES.some((code) => code === error.failure.code));
}

/** What went wrong and what to do, in lines. */
export function explainFailure(error: unknown): readonly string[] {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    const again = `  Asking the laptop again every ${KernelRefused.waitMs / 1000} s`;
    return [refusal.message, ...refusal.hints.map((hint) => `  ${hint}`), again];
  }
  if (error instanceof ProtocolError && error.code === "wrong-key") {
    return [`${error.message}: both images must be built with the same aes-key file`];
  }
  if (error instanceof ExchangeFailed) {
    const { code, message, holder } = error.failure;
    if (code === "busy") {
      return [`The disk is in use by ${holder === undefined ? "another desktop" : `"${holder}"`}: ${message}`];
    }
    return [`The exchange failed: ${message}`];
  }
  const hints = error instanceof UserError ? error.hints : [];
  return [`Trying again after: ${describeError(error)}`, ...hints.map((hint) => `  ${hint}`)];
}
