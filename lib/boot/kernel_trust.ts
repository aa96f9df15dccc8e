/**
 * Whether a kernel that is locked down starts another one by kexec: facts in, verdict out. It foretells what the
 * kernel will say; the kernel itself checks. Pure.
 */
import type { KernelSignature } from "./kernel_signers.ts";

/** A certificate that a running kernel checks signatures with. */
export interface TrustedKey {
  /** Organization, common name, or both with ": " between them (x509_fabricate_name in the kernel). */
  readonly name: string;
  /** Subject key identifier in hex, or the certificate's number where it has none (x509_key_preparse). */
  readonly id: string;
}

/** What a running kernel demands of another one. */
export interface KernelDemands {
  /** "integrity", "confidentiality"; undefined where the kernel is not locked down. */
  readonly lockdown: string | undefined;
  /** undefined where they cannot be seen. */
  readonly trustedKeys: readonly TrustedKey[] | undefined;
}

export type KernelTrust =
  /** It starts any kernel. */
  | { readonly kind: "not-checked" }
  | { readonly kind: "trusted"; readonly signer: string }
  /** The signature was not read yet, or the keys cannot be seen. */
  | { readonly kind: "not-known"; readonly signer?: string }
  | { readonly kind: "unsigned" }
  /** Signed, and changed afterwards. */
  | { readonly kind: "changed" }
  | { readonly kind: "untrusted"; readonly signer: string };

/** @param signature of the kernel to be started; undefined: not known */
export function judgeKernel(
  { lockdown, trustedKeys }: KernelDemands,
  signature: KernelSignature | undefined,
): KernelTrust {
  if (lockdown === undefined) return { kind: "not-checked" };
  if (signature === undefined) return { kind: "not-known" };
  if (signature.kind === "none") return { kind: "unsigned" };
  if (signature.kind === "broken") return { kind: "changed" };
  const signer = nameSigner(signature);
  if (trustedKeys === undefined) return { kind: "not-known", signer };
  return { kind: trustedKeys.some((key) => vouchesFor(key, signature)) ? "trusted" : "untrusted", signer };
}

/** Who has issued the signer's certificate: the name that people know. */
function nameSigner({ names }: Extract<KernelSignature, { kind: "signed" }>): string {
  return names.at(-1) ?? "an unknown signer";
}

/**
 * By its number, as the kernel compares (pkcs7_validate_trust), or else by its name: a certificate may have no such
 * number. A wrong yes costs a download, a wrong no the whole start.
 */
function vouchesFor(
  { name, id }: TrustedKey,
  { names, keyIds }: Extract<KernelSignature, { kind: "signed" }>,
): boolean {
  return keyIds.includes(id) || names.some((candidate) => name === candidate || name.endsWith(`: ${candidate}`));
}

/**
 * The certificates among the keys of /proc/keys (proc_keys(5)): nine columns, the eighth the type, which is cut off,
 * and a description, whose last words are the certificate's number and kind.
 * @returns undefined where there are none: only root is shown the kernel's
 */
export function parseTrustedKeys(text: string): readonly TrustedKey[] | undefined {
  const keys = text.split("\n").flatMap((line) => {
    const [, name, id] = /^[0-9a-f]+(?: +\S+){6} +asymmetri\S* +(.*?): ([0-9a-f]+): X509\.\S+/.exec(line.trim()) ?? [];
    return name === undefined || id === undefined ? [] : [{ name, id }];
  });
  return keys.length === 0 ? undefined : keys;
}
