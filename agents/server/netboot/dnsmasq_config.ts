/** What dnsmasq (dnsmasq(8)) does for desktops that start over a link. Pure. */
import { NETBOOT_DIRECTORY } from "../../../lib/formats/public_initrd.ts";
import type { NetbootName } from "./files.ts";

export type DhcpMode =
  /** No DHCP; TFTP only, for a desktop that has its address already: a cable may have been out for a moment. */
  | { readonly kind: "none" }
  /** We give addresses: no other machine does. */
  | { readonly kind: "full"; readonly range: { readonly from: string; readonly to: string; readonly netmask: string } }
  /** Another machine gives addresses; we add where a boot loader is. */
  | { readonly kind: "proxy" };

export interface DnsmasqFacts {
  readonly link: string;
  /** The card's: questions of our own are not answered. */
  readonly mac: string;
  /** Our own address on the link, IPv4. */
  readonly address: string;
  readonly mode: DhcpMode;
  /** Where the boot loaders are. Default: {@link NETBOOT_DIRECTORY}. */
  readonly directory?: string;
  /** Where dnsmasq notes which addresses it has given. */
  readonly leasesPath: string;
  /** Where it notes its process id. */
  readonly pidPath: string;
}

/** RFC 4578 section 2.1, and IANA's list of "processor architecture types": a BIOS, x86-64 UEFI, the same by HTTP. */
const architectures = { bios: [0], uefi: [7, 9], http: [16] } as const;

/** Names in the directory. */
const programs = { bios: "undionly.kpxe", uefi: "shimx64.efi" } as const satisfies Readonly<
  Record<string, NetbootName>
>;
const script: NetbootName = "boot.ipxe";

export function formatDnsmasqConfig(
  { link, mac, address, mode, leasesPath, pidPath, directory = NETBOOT_DIRECTORY }: DnsmasqFacts,
): string {
  const tags = Object.entries(architectures).flatMap(([tag, numbers]) =>
    numbers.map((number) => `dhcp-match=set:${tag},option:client-arch,${number}`)
  );
  return [
    // No DNS.
    "port=0",
    "no-hosts",
    "no-resolv",
    // This link, and no other.
    `interface=${link}`,
    "except-interface=lo",
    "bind-interfaces",
    // Started as root for its ports; then it keeps only the rights that DHCP needs.
    "user=dnsmasq",
    "group=nogroup",
    `pid-file=${pidPath}`,
    "log-facility=-",
    "log-dhcp",
    `dhcp-leasefile=${leasesPath}`,
    // Only who asks for a boot loader, and never ourselves.
    "dhcp-match=set:netboot,option:client-arch",
    "dhcp-ignore=tag:!netboot",
    `dhcp-host=${mac},ignore`,
    ...tags,
    // A card whose own PXE is iPXE needs no other, nor does one that has fetched it.
    "dhcp-userclass=set:ipxe,iPXE",
    ...formatMode(mode, address),
    `enable-tftp=${link}`,
    `tftp-root=${directory}`,
    // Several at a time, each in its own good time.
    "tftp-max=20",
    "",
  ].join("\n");
}

/** Without any "dhcp-range" dnsmasq does no DHCP. */
function formatMode(mode: DhcpMode, address: string): readonly string[] {
  if (mode.kind === "none") return [];
  return mode.kind === "full" ? formatFull(mode, address) : formatProxy(address);
}

function formatFull({ range }: Extract<DhcpMode, { kind: "full" }>, address: string): readonly string[] {
  return [
    // Asking first whether an address is taken costs 3 s, and no other machine gives any.
    "no-ping",
    "dhcp-authoritative",
    `dhcp-range=${range.from},${range.to},${range.netmask},10m`,
    // There is nothing behind us.
    "dhcp-option=option:router",
    "dhcp-option=option:dns-server",
    `dhcp-boot=tag:bios,tag:!ipxe,${programs.bios}`,
    `dhcp-boot=tag:bios,tag:ipxe,http://${address}/${script}`,
    `dhcp-boot=tag:uefi,${programs.uefi}`,
    `dhcp-boot=tag:http,http://${address}/${programs.uefi}`,
    // UEFI specification 24.7.2: by this the firmware knows an answer for HTTP.
    "dhcp-option-force=tag:http,60,HTTPClient",
  ];
}

function formatProxy(address: string): readonly string[] {
  return [
    `dhcp-range=${address},proxy`,
    `pxe-service=tag:!ipxe,x86PC,"stiefelsystem",${programs.bios},${address}`,
    // With the server beside the file, iPXE needs no more of it (dhcp_has_pxeopts in its dhcp.c).
    `dhcp-boot=tag:bios,tag:ipxe,http://${address}/${script},,${address}`,
    `pxe-service=X86-64_EFI,"stiefelsystem",${programs.uefi},${address}`,
    `pxe-service=BC_EFI,"stiefelsystem",${programs.uefi},${address}`,
  ];
}
