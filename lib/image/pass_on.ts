/**
 * What an image needs whose laptop passes its network on to desktops (`server.pass-on-from`); no other image has any of
 * it. Pure.
 */
import type { PassOn } from "../config/config.ts";
import type { GeneratedFile } from "./login_files.ts";

export const passOnPackages: readonly string[] = ["dnsmasq-base", "nftables"];

/** Relative to /usr/lib/modules/VERSION/kernel, without the ending ".ko"; what they depend on comes with them. */
export const passOnModulePatterns: readonly string[] = [
  "net/netfilter/nf_tables",
  "net/netfilter/nft_chain_nat",
  "net/netfilter/nft_ct",
  "net/netfilter/nft_masq",
];

/** A line of inittab. What it says would disturb the agent's console; on a desktop it ends at once. */
export const passOnService = "null::once:/usr/lib/stiefelsystem/pass-on";

/** Read by image/initrd/usr/lib/stiefelsystem/pass-on. */
export function formatPassOn({ from, to }: PassOn): GeneratedFile {
  const lines = [...from.map((mac) => `FROM=${mac}\n`), ...to.map((mac) => `TO=${mac}\n`)];
  return { path: "etc/stiefelsystem/pass-on", mode: 0o644, content: lines.join("") };
}
