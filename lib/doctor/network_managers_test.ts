import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findGreedyPrograms, findNetworkManagerConflicts } from "./network_managers.ts";
import { networkManagerRule } from "../host/network_rules.ts";
import { openHostTree } from "../host/tree.ts";

const rules = "/etc/NetworkManager/conf.d";

/** Whether doctor finds a file of the user beside ours. */
async function isFound(path: string, text: string): Promise<boolean> {
  const system = createMemorySystem({ files: { [networkManagerRule.path]: networkManagerRule.text, [path]: text } });
  const found = await findNetworkManagerConflicts(await openHostTree(system));
  assert.ok(found.every((one) => one === path), found.join());
  return found.length > 0;
}

Deno.test("a section that is read after ours and matches the link is found", async () => {
  for (
    const devices of [
      "*",
      "type:ethernet",
      "interface-name:docker0;type:ethernet",
      "interface-name:stiefel0",
      "=stiefel*",
    ]
  ) {
    assert.equal(
      await isFound(`${rules}/95-own.conf`, `[device-own]\nmatch-device=${devices}\nmanaged=true\n`),
      true,
      devices,
    );
  }
});

Deno.test("settings that count for less than ours, or are for other links, are not", async () => {
  const all = "match-device=*\nmanaged=1\n";
  for (
    const [path, text] of [
      [`${rules}/10-own.conf`, `[device-own]\n${all}`], // the last section that matches counts
      ["/usr/lib/NetworkManager/conf.d/99-own.conf", `[device-own]\n${all}`], // read before /etc
      [`${rules}/95-own.conf`, `[device]\n${all}`], // counts if there is no other
      [`${rules}/95-own.conf`, `[connection-own]\n${all}`],
      [`${rules}/95-own.conf`, "[device-own]\nmatch-device=*\nmanaged=0\n"],
      [
        `${rules}/95-own.conf`,
        "[device-wifi]\nmatch-device=type:wifi\nmanaged=1\n[device-mac]\nmatch-device=*\nignore-carrier=1\n",
      ],
      [`${rules}/95-own.conf`, "[device-usb]\nmatch-device=interface-name:usb0\nmanaged=1\n"],
      [`${rules}/95-own.conf.sample`, `[device-own]\n${all}`],
      [`${rules}/.95-own.conf.new`, `[device-own]\n${all}`],
    ] as const
  ) {
    assert.equal(await isFound(path, text), false, `${path}: ${text}`);
  }
});

Deno.test("a connection of the link's name is found", async () => {
  const path = "/etc/NetworkManager/system-connections/cable.nmconnection";
  assert.equal(await isFound(path, "[connection]\ninterface-name=stiefel0\n"), true);
  assert.equal(await isFound(path, "[connection]\ninterface-name=eno1\n"), false);
});

Deno.test("L6: dhcpcd in a runlevel of OpenRC takes every link, unless its configuration forbids that", async () => {
  const find = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> => {
    const system = createMemorySystem({ files, commands: [(argv) => argv[0] === "systemctl" ? 127 : undefined] });
    return (await findGreedyPrograms(system, await openHostTree(system))).map(({ name }) => name);
  };
  const service = { "/etc/runlevels/default/dhcpcd": "#!/sbin/openrc-run\n" };
  assert.deepEqual(await find(service), ["dhcpcd"]);
  assert.deepEqual(await find({ "/etc/runlevels/boot/connman": "" }), ["ConnMan"]);
  assert.deepEqual(await find({ "/etc/init.d/dhcpcd": "" }), []);
  assert.deepEqual(await find({ ...service, "/etc/dhcpcd.conf": "duid\ndenyinterfaces stiefel0\n" }), []);
  assert.deepEqual(await find({ ...service, "/etc/dhcpcd.conf": "#denyinterfaces stiefel0\n" }), ["dhcpcd"]);
});
