/** Programs that forbid a shutdown. */
import * as v from "valibot";
import { UserError } from "../errors.ts";
import { readJson } from "../formats/json.ts";
import { toPrintable } from "../formats/text.ts";
import type { System } from "../system/system.ts";

const InhibitorsSchema = v.object({
  // what, who, why, mode, user id, process id
  data: v.tuple([v.array(v.tuple([v.string(), v.string(), v.string(), v.string(), v.number(), v.number()]))]),
});

/**
 * Which program forbids a shutdown: inhibitor locks of mode "block", as package managers take them while they work
 * (systemd-inhibit(1), org.freedesktop.login1(5)). `systemctl kexec` of root passes them over.
 * @param text what busctl says of `ListInhibitors`
 */
function findInhibitor(text: string): string | undefined {
  // undefined where there is no logind
  const [locks = []] = readJson(InhibitorsSchema, text)?.data ?? [];
  const lock = locks.find(([what, , , mode]) => mode === "block" && what.split(":").includes("shutdown"));
  return lock && toPrintable(`"${lock[1]}" blocks a shutdown now: ${lock[2]}`, 200);
}

/** Runs `busctl`. @throws {UserError} */
export async function demandNoInhibitor(system: System): Promise<void> {
  const manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
  const argv = ["busctl", "--system", "--json=short", "call", ...manager, "ListInhibitors"];
  const { stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 10_000 });
  const inhibitor = findInhibitor(stdout);
  if (inhibitor !== undefined) throw new UserError(inhibitor);
}
