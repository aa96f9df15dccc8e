/**
 * What a computer is, whatever card it uses: docks and adapters are carried from one to the next, and their MAC
 * address with them. Pure.
 */
import { encodeUtf8 } from "./text.ts";

/** As the firmware has it (SMBIOS 3.7, section 7.2; /sys/class/dmi/id); lines may end with a newline. */
export interface FirmwareIdentity {
  readonly productUuid?: string | undefined;
  readonly productSerial?: string | undefined;
  readonly boardSerial?: string | undefined;
}

/** Of SHA-256, in hex digits: 128 bits. */
export const MACHINE_ID_DIGITS = 32;

/** That makers of boards have left in for all of them. */
const placeholders: ReadonlySet<string> = new Set([
  "03000200-0400-0500-0006-000700080009",
  "00020003-0004-0005-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
]);

/**
 * Serial numbers do not have to be there; they tell machines apart whose makers gave all of them one UUID.
 * @returns {@link MACHINE_ID_DIGITS} hex digits; undefined when the firmware has no UUID, or one that many have
 */
export async function machineIdOf(
  { productUuid, productSerial, boardSerial }: FirmwareIdentity,
): Promise<string | undefined> {
  const uuid = productUuid?.trim().toLowerCase() ?? "";
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) || placeholders.has(uuid)) return undefined;
  // All zeros: not set; all ones: not there (SMBIOS, 7.2.1). Some makers have other fillings.
  const bytes = uuid.replaceAll("-", "").match(/../g) ?? [];
  if (new Set(bytes).size < 3) return undefined;
  const parts = ["stiefelsystem machine", uuid, productSerial?.trim() ?? "", boardSerial?.trim() ?? ""];
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(parts.join("\0")));
  return new Uint8Array(digest).toHex().slice(0, MACHINE_ID_DIGITS);
}
