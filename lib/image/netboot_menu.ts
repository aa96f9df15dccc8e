/** The menus of a desktop that starts over the network: GRUB's for UEFI, iPXE's for a BIOS. Pure. */
import { demandMenuParameters } from "../formats/menu_parameter.ts";
import { desktopParameters } from "./quick_parameters.ts";

/** Where GRUB finds it: below the directory that TFTP and HTTP give away. */
export const netbootMenuPath = "grub/grub.cfg";
/** The file that iPXE asks for. */
export const netbootScriptName = "boot.ipxe";

interface MenuRequest {
  /** Further kernel parameters. */
  readonly cmdline: readonly string[];
}

const titles = {
  start: "Start the laptop's system",
  safe: "Start the laptop's system with safe graphics",
  restart: "Restart",
} as const;

/** @throws {UserError} for a parameter that the menus cannot hold */
function listParameters({ cmdline }: MenuRequest, ...more: readonly string[]): string {
  demandMenuParameters(
    cmdline,
    (bad) => `The menu for the network cannot hold the kernel parameter "${bad}" of "netboot.cmdline"`,
  );
  return ["stiefel.role=client", ...desktopParameters, ...more, ...cmdline].join(" ");
}

/**
 * GRUB knows where it came from. Kernel and initrd come over HTTP: TFTP has a tenth of its speed. Without insmod: what
 * is needed is built in, and a signed GRUB loads nothing.
 * @throws {UserError} for a parameter that the menu cannot hold
 */
export function formatNetbootMenu(request: MenuRequest): string {
  const entry = (title: string, parameters: string): readonly string[] => [
    `menuentry "${title}" {`,
    `  linux (http,$net_default_server)/kernel ${parameters}`,
    "  initrd (http,$net_default_server)/initrd",
    "}",
  ];
  return [
    "set default=0",
    "set timeout=1",
    ...entry(titles.start, listParameters(request)),
    ...entry(titles.safe, listParameters(request, "nomodeset")),
    `menuentry "${titles.restart}" {`,
    "  reboot",
    "}",
    "",
  ].join("\n");
}

/**
 * iPXE takes kernel and initrd from where the script came from (https://ipxe.org/scripting). One that was built without
 * menus starts the laptop's system.
 * @throws {UserError} for a parameter that the menu cannot hold
 */
export function formatNetbootScript(request: MenuRequest): string {
  return [
    "#!ipxe",
    "menu",
    ...Object.entries(titles).map(([name, title]) => `item ${name} ${title}`),
    "choose --default start --timeout 1000 target || set target start",
    "goto ${target}",
    ":restart",
    "reboot",
    ":safe",
    `kernel kernel ${listParameters(request, "nomodeset")} initrd=initrd`,
    "goto load",
    ":start",
    `kernel kernel ${listParameters(request)} initrd=initrd`,
    ":load",
    "initrd initrd",
    "boot",
    "",
  ].join("\n");
}
