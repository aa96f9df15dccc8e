/**
 * USBGuard, whose rules name the laptop's USB devices: on a desktop it blocks the others, a network adapter and the
 * keyboard included.
 */

import { outputIfItWorks } from "../host/ask_program.ts";
import type { HostTree } from "../host/tree.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { listOpenRcServices } from "./network_managers.ts";

/**
 * "off": it does not start; "hidden": only root may read its files; "blocks": what no rule allows is blocked when it
 * starts.
 */
export type UsbGuardFacts = "off" | "hidden" | "blocks" | "keeps";

export async function examineUsbGuard({ system, tree }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(usbGuardChecks, { state: await readUsbGuard(system, tree) });
}

export const usbGuardChecks: readonly CheckOf<{ readonly state: UsbGuardFacts }>[] = [["USB devices", checkUsbGuard]];

function checkUsbGuard({ state }: { readonly state: UsbGuardFacts }): Verdict {
  if (state === "off") return ok("no USBGuard");
  if (state === "keeps") return ok("USBGuard allows the devices that are plugged in when it starts");
  if (state === "hidden") {
    return hidden("USBGuard is on; its rules may be read by root only");
  }
  return warning(
    "USBGuard blocks a desktop's keyboard, and a USB network adapter, with it the disk",
    "Set PresentDevicePolicy=keep in /etc/usbguard/usbguard-daemon.conf, or allow interfaces 03:*:*, 02:*:* and ff:*:*",
  );
}

const daemonSettings = "/etc/usbguard/usbguard-daemon.conf";
const rules = "/etc/usbguard/rules.conf";

/** Runs `systemctl`. */
async function readUsbGuard(system: System, tree: HostTree): Promise<UsbGuardFacts> {
  const unit = await outputIfItWorks(system, tree.commandLine(["systemctl", "is-enabled", "usbguard.service"]));
  if (unit?.trim() !== "enabled" && !(await listOpenRcServices(tree)).has("usbguard")) return "off";
  const texts = await unlessRefused(
    Promise.all([daemonSettings, rules].map((path) => tree.readText(path))),
    undefined,
  );
  return texts === undefined ? "hidden" : judgeUsbGuard({ settings: texts[0], rules: texts[1] });
}

/**
 * usbguard-daemon.conf(5): PresentDevicePolicy is "apply-policy" when not set; usbguard-rules.conf(5): `allow` alone
 * allows all, interfaces are CLASS:SUBCLASS:PROTOCOL with "*" for any.
 */
export function judgeUsbGuard(
  { settings = "", rules: text = "" }: { readonly settings: string | undefined; readonly rules: string | undefined },
): "blocks" | "keeps" {
  const policy = [...settings.matchAll(/^\s*PresentDevicePolicy\s*=\s*(\S+)/gm)].at(-1)?.[1];
  if (policy === "keep" || policy === "allow") return "keeps";
  const implicit = [...settings.matchAll(/^\s*ImplicitPolicyTarget\s*=\s*(\S+)/gm)].at(-1)?.[1];
  if (implicit === "allow") return "keeps";
  const allowed = text.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("allow"));
  const allows = (interfaceClass: string): boolean =>
    allowed.some((line) =>
      !/\b(?:id|serial|hash|name|via-port)\b/.test(line) && line.includes(`${interfaceClass}:*:*`)
    );
  return allowed.includes("allow") || (allows("03") && (allows("02") || allows("ff"))) ? "keeps" : "blocks";
}
