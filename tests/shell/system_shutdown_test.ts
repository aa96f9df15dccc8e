/** The last script of a shutdown: it lets go of the disk, and of nothing else. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeMachine, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(
  new URL("../../image/host/generic/usr/lib/systemd/system-shutdown/stiefelsystem", import.meta.url),
);
const STATE = "STIEFEL_VERSION=1\nSTIEFEL_ROLE=desktop\nSTIEFEL_TRANSPORT=nbd\nSTIEFEL_DISK=/dev/nbd0\n";
const MOUNTS = "sysfs /sys sysfs rw,nosuid 0 0\nudev /dev devtmpfs rw 0 0\n/dev/nbd0p2 / ext4 ro,relatime 0 0\n";

interface Case {
  readonly name: string;
  readonly state?: string;
  readonly mounts: string;
  readonly calls: readonly string[];
  /** What the kernel log gets. */
  readonly log: string;
}

const cases: readonly Case[] = [
  {
    name: "lets go of the disk when everything on it is read-only",
    state: STATE,
    mounts: MOUNTS,
    calls: ["timeout -s KILL 10 nbd-client -d /dev/nbd0", "nbd-client -d /dev/nbd0"],
    log: "<5>stiefelsystem: detaching the laptop's disk\n",
  },
  {
    name: "takes the tunnel away when the disk is given back",
    state: `${STATE}STIEFEL_TUNNEL_NAME=stiefeltunnel\n`,
    mounts: MOUNTS,
    calls: [
      "timeout -s KILL 10 nbd-client -d /dev/nbd0",
      "nbd-client -d /dev/nbd0",
      "timeout -s KILL 10 ip link delete dev stiefeltunnel",
      "ip link delete dev stiefeltunnel",
    ],
    log: "<5>stiefelsystem: detaching the laptop's disk\n",
  },
  { name: "does nothing on the laptop itself", mounts: MOUNTS, calls: [], log: "" },
  {
    name: "keeps the disk while the root file system is writable",
    state: STATE,
    mounts: MOUNTS.replace("ro,", "rw,"),
    calls: [],
    log: "<5>stiefelsystem: / is still writable, the disk stays attached\n",
  },
  {
    name: "keeps the disk while another file system of it is writable",
    state: STATE,
    mounts: `${MOUNTS}/dev/mapper/vg-home /home ext4 rw,ro_like_word 0 0\n`,
    calls: [],
    log: "<5>stiefelsystem: /home is still writable, the disk stays attached\n",
  },
  {
    name: "lets go of the disk that attaching has written down",
    state: STATE.replace("nbd0", "nbd2"),
    mounts: MOUNTS.replace("nbd0", "nbd2"),
    calls: ["timeout -s KILL 10 nbd-client -d /dev/nbd2", "nbd-client -d /dev/nbd2"],
    log: "<5>stiefelsystem: detaching the laptop's disk\n",
  },
  {
    name: "does nothing for a transport that it does not have",
    state: STATE.replace("=nbd", "=carrier-pigeon"),
    mounts: MOUNTS,
    calls: [],
    log:
      '<5>stiefelsystem: The session has the transport "carrier-pigeon", which this system does not know; it knows nbd nvme-engine nvme-tcp\n',
  },
  {
    name: "touches no other kind of disk",
    state: STATE.replace("/dev/nbd0", "/dev/sda"),
    mounts: MOUNTS,
    calls: [],
    log: "",
  },
];

for (const shell of SHELLS) {
  for (const { name, state, mounts, calls, log } of cases) {
    Deno.test(`${name} (${shell.join(" ")})`, async () => {
      await using machine = await makeMachine();
      machine.write("/proc/mounts", mounts);
      machine.write("/dev/kmsg", "");
      if (state !== undefined) machine.write("/run/stiefelsystem/session.state", state);
      const result = await machine.run([...shell, script, "poweroff", machine.root]);
      assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
      assert.deepEqual(machine.calls(), calls);
      assert.equal(machine.read("/dev/kmsg"), log);
    });
  }

  Deno.test(`NVMe/TCP: says goodbye by a connection, and leaves the mounted disk alone (${shell.join(" ")})`, async () => {
    await using machine = await makeMachine();
    const ours = "nqn.2014-08.org.nvmexpress:uuid:11111111-1111-4111-8111-111111111111";
    machine.write("/proc/mounts", "/dev/nvme1n1p2 / ext4 ro,relatime 0 0\n");
    machine.write("/dev/kmsg", "");
    machine.write("/dev/nvme-fabrics", "");
    const state = "STIEFEL_VERSION=1\nSTIEFEL_TRANSPORT=nvme-tcp\nSTIEFEL_DISK=/dev/nvme1n1\n";
    machine.write("/run/stiefelsystem/session.state", state);
    const line = `transport=tcp,traddr=fd00::1,trsvcid=4420,nqn=${ours}:goodbye,hostnqn=x,hostid=y\n`;
    machine.write("/run/stiefelsystem/goodbye", line);
    const names = { nvme0: "nqn.2019-08.org.example:own", nvme1: ours, nvme2: `${ours}:goodbye`, nvme3: `${ours}0` };
    for (const [name, subsystem] of Object.entries(names)) {
      machine.write(`/sys/class/nvme/${name}/subsysnqn`, `${subsystem}\n`);
    }
    const result = await machine.run([...shell, script, "poweroff", machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    assert.equal(machine.read("/dev/nvme-fabrics"), line);
    const ended = Object.keys(names).filter((name) => machine.exists(`/sys/class/nvme/${name}/delete_controller`));
    assert.deepEqual(ended, []);
  });
}
