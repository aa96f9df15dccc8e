/** Two laptops that wait at the two cards of one desktop, and the desktop's agent with a stick's parameters. */
import { clientCommand, createSite, type Site, startServer } from "./agents.ts";
import { createRig, type Machine, type Rig, type RunningAgent } from "./rig.ts";
import { layStandIns } from "./stand_ins.ts";

export interface Scene {
  readonly rig: Rig;
  readonly site: Site;
  readonly desktop: Machine;
  readonly first: RunningAgent;
  readonly second: RunningAgent;
}

/** Two laptops that wait for a desktop, at the two cards of one; its links are up. */
export async function withTwoLaptops(
  body: (scene: Scene) => Promise<void>,
  { secondKeyOf = (site) => site.keyPath }: { readonly secondKeyOf?: (site: Site) => string } = {},
): Promise<void> {
  await using rig = await createRig([["first", "eth0", "desktop", "eth0"], ["second", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig);
  await using first = startServer(rig.machine("first"), { site });
  await using second = startServer(rig.machine("second"), { site, keyPath: secondKeyOf(site) });
  const desktop = await raiseDesktop(rig, [first, second]);
  await body({ rig, site, desktop, first, second });
}

/** Raises both cards of the desktop when the laptops wait for it. @returns the desktop */
export async function raiseDesktop(rig: Rig, laptops: readonly RunningAgent[]): Promise<Machine> {
  for (const laptop of laptops) await laptop.waitForLine(/Waiting for a desktop/);
  const desktop = rig.machine("desktop");
  for (const link of ["eth0", "eth1"]) {
    await desktop.run(["ip", "link", "set", "dev", link, "up"]);
    await desktop.linkLocalAddress(link);
  }
  return desktop;
}

/** The desktop's agent, started by a stick that has these kernel parameters. */
export async function clientWith(
  { desktop, site }: Pick<Scene, "desktop" | "site">,
  parameters: string,
  others: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const standIns = await layStandIns(desktop.directory, {
    cat:
      `case $1 in /proc/cmdline) echo "stiefel.role=client ${parameters}"; echo desktop ;; *) exec /usr/bin/cat "$@" ;; esac`,
    ...others,
  });
  return standIns.wrap(clientCommand(desktop, { site }));
}
