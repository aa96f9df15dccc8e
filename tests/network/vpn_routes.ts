/** What programs set on a desktop that send all the world into a tunnel of theirs. */
import assert from "node:assert/strict";
import type { Machine } from "./rig.ts";

/** What programs set that send all into a tunnel. `vpn` is a link that swallows it. */
const ways: Readonly<Record<string, readonly string[]>> = {
  "Tailscale's exit node": [
    "rule add pref 5210 fwmark 0x80000/0xff0000 lookup main",
    "rule add pref 5270 lookup 52",
    "route add ::/0 dev vpn table 52",
  ],
  "wg-quick": [
    "route add ::/0 dev vpn table 51820",
    "rule add not fwmark 51820 table 51820",
    "rule add table main suppress_prefixlength 0",
  ],
  "rules flushed, and made anew": [
    "rule flush",
    "rule add pref 32766 lookup main",
    "rule add pref 1 lookup 52",
    "route add ::/0 dev vpn table 52",
  ],
  "halves of the world in the main table": [
    "route add ::/1 dev vpn",
    "route add 8000::/1 dev vpn",
  ],
};

/** Sets each of them, one after the other, and calls `look` meanwhile. */
export async function sendAllElsewhere(desktop: Machine, look: (name: string) => Promise<void>): Promise<void> {
  for (const [name, commands] of Object.entries(ways)) {
    await desktop.run(["ip", "tuntap", "add", "dev", "vpn", "mode", "tun"]);
    await desktop.run(["ip", "link", "set", "dev", "vpn", "up"]);
    await desktop.run(["ip", "-6", "address", "add", "fd77::1/64", "dev", "vpn", "nodad"]);
    for (const command of commands) await desktop.run(["ip", "-6", ...command.split(" ")]);
    // The main table's routes of links may go as well.
    const links = await desktop.run(["ip", "-6", "route", "show", "dev", "stiefel0", "proto", "kernel"]);
    for (const [route] of links.matchAll(/^fd\S+/gm)) {
      await desktop.run(["ip", "-6", "route", "del", route, "dev", "stiefel0"]);
    }
    assert.match(await desktop.run(["ip", "route", "get", "fd99::1"]), / dev vpn /, `${name} does nothing here`);
    await look(name);
    await desktop.run(["ip", "link", "del", "dev", "vpn"]);
  }
}
