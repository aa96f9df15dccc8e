/**
 * Signed boot loaders of another distribution, made of Debian's: a shim with another certificate built in, signed by a
 * certificate that stands for Microsoft's, and GRUB and kernel signed by the certificate in that shim.
 */

import { findCertificateTable } from "../../lib/boot/kernel_signers.ts";
import type { System } from "../../lib/system/system.ts";
import { parsePem } from "./uefi_variables.ts";

export interface Signer {
  readonly name: string;
  /** In DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** Runs `osslsigncode`. @param program without a signature. @returns the same, signed */
  sign(program: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** A certificate that signs itself, new each time. Runs `openssl`. */
export async function createSigner(system: System, directory: string, name: string): Promise<Signer> {
  const place = `${directory}/${name.replaceAll(/\W/g, "-")}`;
  const [keyPath, certificatePath] = [`${place}.key`, `${place}.pem`];
  await system.run([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", `/CN=${name}`],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-keyout", keyPath, "-out", certificatePath],
  ]);
  return {
    name,
    certificate: parsePem(await system.readText(certificatePath)),
    sign: async (program) => {
      const [from, to] = [`${place}.unsigned`, `${place}.signed`];
      await system.writeFile(from, program);
      await system.remove(to);
      const signer = ["-certs", certificatePath, "-key", keyPath];
      await system.run(["osslsigncode", "sign", "-h", "sha256", ...signer, "-in", from, "-out", to]);
      return await system.readFile(to);
    },
  };
}

/** Microsoft PE/COFF specification: of the optional header for 64 bits, the place of the certificate table. */
const certificateEntryAt = 144;

/** The program without its signatures, however many there are. */
export function withoutSignature(program: Uint8Array): Uint8Array<ArrayBuffer> {
  const table = findCertificateTable(program);
  if (table === undefined) return Uint8Array.from(program);
  const bare = program.slice(0, table.offset);
  bare.fill(0, table.headerOffset + certificateEntryAt, table.headerOffset + certificateEntryAt + 8);
  return Uint8Array.from(bare);
}

/**
 * The shim with another certificate in place of its vendor's (shim, cert.S: sizes of what is trusted and of what is
 * not, their offsets from there, then both).
 */
export function withVendorCertificate(shim: Uint8Array, certificate: Uint8Array): Uint8Array<ArrayBuffer> {
  const result = Uint8Array.from(shim);
  const view = new DataView(result.buffer);
  const pe = view.getUint32(0x3c, true);
  const sections = pe + 24 + view.getUint16(pe + 20, true);
  for (let at = sections; at < sections + 40 * view.getUint16(pe + 6, true); at += 40) {
    // A name of more than eight characters is cut off, or a number in the table of names.
    const [size, offset] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true)];
    if (size < 32 || offset + size > result.length || !isVendorTable(view, { offset, size })) continue;
    if (view.getUint32(offset, true) < certificate.length) throw new RangeError("The certificate does not fit");
    result.fill(0, offset, offset + size);
    [certificate.length, 0, 16, 16 + certificate.length].forEach((value, index) =>
      view.setUint32(offset + 4 * index, value, true)
    );
    result.set(certificate, offset + 16);
    return result;
  }
  throw new RangeError("There is no vendor's certificate in this shim");
}

function isVendorTable(
  view: DataView,
  { offset, size }: { readonly offset: number; readonly size: number },
): boolean {
  const [trusted = 0, , at = 0] = [0, 4, 8].map((place) => view.getUint32(offset + place, true));
  // DER: a SEQUENCE with two bytes of length, all of the certificate
  return at === 16 && trusted > 64 && 16 + trusted <= size && view.getUint16(offset + 16, false) === 0x3082 &&
    view.getUint16(offset + 18, false) + 4 === trusted;
}
