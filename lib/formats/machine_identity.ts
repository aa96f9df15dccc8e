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

/**
 * Serial numbers do not have to be there; they tell machines apart whose makers gave all of them one UUID.
 * @returns {@link MACHINE_ID_DIGITS} hex digits; undefined when the firmware has no UUID, or one that many have
 */
export async function machineIdOf(
  { productUuid, productSerial, boardSerial }: FirmwareIdentity,
): Promise<string | undefined> {
  const uuid = productUuid?.trim().toLowerCase() ?? "";
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) || isMadeUp(uuid.replaceAll("-", ""))) {
    return undefined;
  }
  const parts = ["stiefelsystem machine", uuid, productSerial?.trim() ?? "", boardSerial?.trim() ?? ""];
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(parts.join("\0")));
  return new Uint8Array(digest).toHex().slice(0, MACHINE_ID_DIGITS);
}

/**
 * What a maker has typed and left in for all its boards, by how such numbers look: one or two bytes (all zeros: not
 * set, all ones: not there; SMBIOS, 7.2.1), bytes that count ("03000200-0400-0500-0006-000700080009", in whatever
 * order), digits that count ("12345678-1234-5678-90ab-cddeefaabbcc"). Random ones, and those made of a MAC address,
 * do not look so by chance.
 */
function isMadeUp(digits: string): boolean {
  const bytes = [...new Set(digits.match(/../g))].map((byte) => parseInt(byte, 16)).sort((one, other) => one - other);
  const counting = bytes.filter((byte) => byte !== 0);
  const [first = 0, second = 0] = counting;
  if (counting.every((byte, index) => byte === first + index * (second - first))) return true;
  const ascends = (from: string, to: string): boolean => "0123456789abcdef 90".includes(`${from}${to}`);
  const steps = [...digits].filter((digit, index) => index > 0 && ascends(digits[index - 1] ?? "", digit)).length;
  return steps >= digits.length / 2;
}
