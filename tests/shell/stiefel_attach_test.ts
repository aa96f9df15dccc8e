/** stiefel-attach under dash and busybox ash, fed with what lib/protocol/session.ts formats. */

import { engineSession, type NbdSession, nvmeSession, session as sampleSession } from "../support/protocol_samples.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { desktopNetworkPrograms } from "../../lib/export/desktop_programs.ts";
import { parseSessionState } from "../../lib/formats/session_state.ts";
import { formatSession } from "../../lib/protocol/session.ts";
import { SESSION_VERSION, sessionGroups, type SessionParameters } from "../../lib/protocol/session_groups.ts";
import { networkManagerRule } from "../../lib/host/network_rules.ts";
import { type Machine, type MachineOptions, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const overlays = fileURLToPath(new URL("../../image/host/", import.meta.url));
const generic = `${overlays}generic/usr/lib/stiefelsystem/`;
const script = `${generic}stiefel-attach`;
/** What reads the session. */
const sessionScript = `${generic}attach/session.sh`;

const direct: NbdSession = {
  ...sampleSession,
  link: { ...sampleSession.link, mac: "02:00:5e:10:00:01", address: "fd12:3456:789a::2/64" },
  disk: { ...sampleSession.disk, address: "fd12:3456:789a::1", sizeBytes: 1048576, connections: 1 },
};
const routed: NbdSession = {
  ...direct,
  link: { ...direct.link, address: "10.1.2.3/24", gateway: "10.1.2.1", mtu: 9000 },
  disk: { ...direct.disk, address: "192.0.2.7", connections: 4 },
};
/** What comes with the session from the boot image. */
const imagePrograms = Object.keys(desktopNetworkPrograms);
const links = { enp1s0: "02:00:5e:00:00:77", enp3s0: direct.link.mac };

interface Attached {
  readonly machine: Machine;
  readonly result: ProgramResult;
}

/** Runs "attach" once under each shell, each time on a new machine. */
interface Attaching extends MachineOptions {
  /** Lays more files. */
  readonly prepare?: (machine: Machine) => void;
}

function testAttach(name: string, { prepare, ...options }: Attaching, check: (attached: Attached) => void): void {
  for (const shell of SHELLS) {
    Deno.test(`${name} (${shell.join(" ")})`, async () => {
      await using machine = await makeMachine(options);
      prepare?.(machine);
      const result = await machine.run([...shell, script, "attach", machine.root]);
      check({ machine, result });
    });
  }
}

const DIRECT_CALLS = [
  "ip -V",
  "udevadm control --reload",
  "udevadm settle --timeout=30",
  "ip link set dev enp3s0 down",
  "ip link set dev enp3s0 name stiefel0",
  "ip link set dev stiefel0 up",
  "ip -6 address replace fd12:3456:789a::2/64 dev stiefel0 nodad",
  "ip route replace fd12:3456:789a::1 dev stiefel0 table local",
  "modprobe nbd nbds_max=1 max_part=31",
  "timeout 10 nbd-client -N 0123456789abcdef0123456789abcdef -b 512 -C 1 fd12:3456:789a::1 10809 /dev/nbd0",
  "nbd-client -N 0123456789abcdef0123456789abcdef -b 512 -C 1 fd12:3456:789a::1 10809 /dev/nbd0",
  "ip neighbour show to fd12:3456:789a::1 dev stiefel0",
  "ip neighbour replace fd12:3456:789a::1 lladdr 02:00:5e:20:00:02 dev stiefel0 nud permanent",
  "udevadm settle --timeout=30",
];

testAttach("attaches over one cable", { session: formatSession(direct), links }, ({ machine, result }) => {
  assert.deepEqual(machine.calls(), DIRECT_CALLS);
  assert.equal(
    result.stderr,
    "stiefelsystem: Attaching the disk of fd12:3456:789a::1 port 10809\n" +
      "stiefelsystem: The laptop's disk is attached as /dev/nbd0\n",
  );
  assert.equal(result.code, 0);
});

testAttach(
  "attaches through a router, with several connections",
  { session: formatSession(routed), links },
  ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(machine.calls().slice(5), [
      "ip link set dev stiefel0 mtu 9000",
      "ip link set dev stiefel0 up",
      "ip -4 address replace 10.1.2.3/24 dev stiefel0",
      "ip route get 192.0.2.7 oif stiefel0",
      "ip route replace 192.0.2.7 via 10.1.2.1 dev stiefel0 onlink",
      "ip route replace 192.0.2.7 via 10.1.2.1 onlink dev stiefel0 table local",
      "modprobe nbd nbds_max=1 max_part=31",
      "timeout 10 nbd-client -N 0123456789abcdef0123456789abcdef -b 512 -C 4 -t 604800 192.0.2.7 10809 /dev/nbd0",
      "nbd-client -N 0123456789abcdef0123456789abcdef -b 512 -C 4 -t 604800 192.0.2.7 10809 /dev/nbd0",
      "udevadm settle --timeout=30",
    ]);
  },
);

testAttach("a server on the link itself needs no route", {
  session: formatSession({ ...routed, disk: { ...routed.disk, address: "10.1.2.9" } }),
  links,
}, ({ machine }) => {
  assert.deepEqual(machine.calls().filter((call) => call.startsWith("ip route")), [
    "ip route get 10.1.2.9 oif stiefel0",
    "ip route replace 10.1.2.9 dev stiefel0 table local",
  ]);
});

testAttach(
  "leaves rules for the running system in /run, and no secret",
  { session: formatSession(direct), links },
  ({ machine }) => {
    const files = machine.files("/run");
    assert.deepEqual(files, {
      "/run/NetworkManager/conf.d/00-stiefelsystem.conf": "[keyfile]\n" +
        "unmanaged-devices+=mac:02:00:5e:10:00:01;interface-name:stiefel0\n" +
        "[device-stiefelsystem-session]\nmatch-device=mac:02:00:5e:10:00:01,interface-name:stiefel0\nmanaged=0\n",
      "/run/elogind/sleep.conf.d/zz-stiefelsystem.conf":
        "[Sleep]\nAllowSuspend=no\nAllowHibernation=no\nAllowSuspendThenHibernate=no\nAllowHybridSleep=no\n",
      "/run/stiefelsystem/link.batch": "address replace fd12:3456:789a::2/64 dev stiefel0 nodad\n" +
        "route replace fd12:3456:789a::1 dev stiefel0 table local\n" +
        "neighbour replace fd12:3456:789a::1 lladdr 02:00:5e:20:00:02 dev stiefel0 nud permanent\n",
      "/run/stiefelsystem/link.port": "2A39\n",
      "/run/stiefelsystem/session.state": "STIEFEL_VERSION=1\nSTIEFEL_ROLE=desktop\nSTIEFEL_TRANSPORT=nbd\n" +
        "STIEFEL_DISK=/dev/nbd0\nSTIEFEL_LINK_NAME=stiefel0\nSTIEFEL_LINK_MAC=02:00:5e:10:00:01\nSTIEFEL_LINK_DOWN_COUNT=0\n" +
        "STIEFEL_SERVER_ADDRESS=fd12:3456:789a::1\nSTIEFEL_STATUS_ADDRESS=fd12:3456:789a::1\n" +
        "STIEFEL_END_KEY=-\n",
      "/run/sysctl.d/zzz-stiefelsystem.conf": "net.ipv4.tcp_retries2 = 255\n-net.ipv4.tcp_rto_max_ms = 20000\n" +
        "net.ipv6.conf.all.disable_ipv6 = 0\n",
      "/run/systemd/network/0--stiefelsystem.link":
        "[Match]\nMACAddress=02:00:5e:10:00:01\nType=ether\nKind=!*\n[Link]\nName=stiefel0\n",
      "/run/systemd/network/0--stiefelsystem.network": "[Match]\nMACAddress=02:00:5e:10:00:01\nType=ether\nKind=!*\n" +
        "[Link]\nUnmanaged=yes\nRequiredForOnline=no\n" +
        "[Network]\nKeepConfiguration=yes\nDHCP=no\nIPv6AcceptRA=no\n",
      "/run/systemd/sleep.conf.d/zz-stiefelsystem.conf":
        "[Sleep]\nAllowSuspend=no\nAllowHibernation=no\nAllowSuspendThenHibernate=no\nAllowHybridSleep=no\n",
      "/run/udev/rules.d/76-stiefelsystem.rules":
        'ACTION!="remove", SUBSYSTEM=="net", DRIVERS=="?*", ATTR{address}=="02:00:5e:10:00:01", NAME:="stiefel0", ENV{NM_UNMANAGED}="1"\n',
    });
    assert.ok(!Object.values(files).some((text) => text.includes(direct.disk.exportName)));
    // NetworkManager merges sections of one name, in the place of the first; the one of /etc has to keep its own.
    assert.ok(!networkManagerRule.text.includes("[device-stiefelsystem-session]"));
    // systemd takes the first that matches; these are names that people use.
    for (const other of ["00-default", "0-wired", "0-0", "05-lan"]) {
      assert.ok("0--stiefelsystem" < other, other);
    }
    // The sign that systemd runs, which it does not yet.
    assert.ok(!machine.exists("/run/systemd/system"));
  },
);

testAttach("a guest's console tells of try mode", {
  session: formatSession({ ...direct, mode: { kind: "try", guest: 1 } }),
  links,
}, ({ result, machine }) => {
  assert.match(
    result.stderr,
    /\nstiefelsystem: TRY MODE: all that is changed here is thrown away when .* shuts down\n$/,
  );
  assert.ok(!machine.exists("/run/stiefelsystem/hostname"));
});

testAttach("takes the link out of the kernel's own hands", { session: formatSession(direct), links }, ({ machine }) => {
  const conf = "/proc/sys/net/ipv6/conf/stiefel0";
  const names = ["disable_ipv6", "accept_ra", "accept_dad", "dad_transmits", "keep_addr_on_down"];
  assert.deepEqual(names.map((name) => machine.read(`${conf}/${name}`)), ["0\n", "0\n", "0\n", "0\n", "1\n"]);
  assert.equal(machine.read("/proc/sys/net/ipv4/tcp_retries2"), "255\n");
});

for (const cable of ["enp0s31f6", "enxdock"]) {
  testAttach(`N1: of two cards with one address takes the one with the cable, ${cable}`, {
    session: formatSession(direct),
    links: { enp0s31f6: direct.link.mac, enxdock: direct.link.mac },
    cables: [cable],
  }, ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.ok(machine.exists("/sys/class/net/stiefel0/cable"));
    assert.equal(machine.calls().filter((call) => call.startsWith("nbd-client -N")).length, 1);
  });
}

testAttach("N1: the card without the cable has our name already", {
  session: formatSession(direct),
  links: { stiefel0: direct.link.mac, enxdock: direct.link.mac },
  cables: ["enxdock"],
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.ok(machine.exists("/sys/class/net/stiefel0/cable"));
  assert.ok(machine.exists("/sys/class/net/stiefel0b/device"));
});

testAttach("N1: the card with the cable is plugged in while we wait for a carrier", {
  session: formatSession(direct),
  links: { enp0s31f6: direct.link.mac },
  hotPlug: { name: "enxdock", mac: direct.link.mac },
  cables: ["enxdock"],
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /enxdock has the same address 02:00:5e:10:00:01, and a carrier/);
  assert.ok(machine.exists("/sys/class/net/stiefel0/cable"));
});

for (const laptop of ["enp0s31f6", "enxdock"]) {
  testAttach(`N1: both have a cable, and only that of ${laptop} leads to the laptop`, {
    session: formatSession(direct),
    links: { enp0s31f6: direct.link.mac, enxdock: direct.link.mac },
    cables: ["enp0s31f6", "enxdock"],
    toLaptop: [laptop],
  }, ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.ok(machine.exists("/sys/class/net/stiefel0/laptop"));
  });
}

testAttach("N1: no card has a cable", {
  session: formatSession(direct),
  links: { enp0s31f6: direct.link.mac, enxdock: direct.link.mac },
  cables: [],
}, ({ result }) => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, /No carrier on stiefel0 \(02:00:5e:10:00:01\)\n/);
});

const onVlan: NbdSession = { ...direct, link: { ...direct.link, vlan: 20, mtu: 9000 } };

testAttach("a VLAN is made on the card, and carries the session's address", {
  session: formatSession(onVlan),
  links,
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  const calls = machine.calls();
  assert.deepEqual(calls.slice(3, calls.indexOf("modprobe nbd nbds_max=1 max_part=31")), [
    "ip link set dev enp3s0 down",
    "ip link set dev enp3s0 name stiefel0c",
    "ip link set dev stiefel0c mtu 9000",
    "ip link set dev stiefel0c up",
    "modprobe -q 8021q",
    "ip link add link stiefel0c name stiefel0 type vlan id 20",
    "udevadm trigger --action=change /sys/class/net/stiefel0",
    "ip link set dev stiefel0 mtu 9000",
    "ip link set dev stiefel0 up",
    "ip -6 address replace fd12:3456:789a::2/64 dev stiefel0 nodad",
    "ip route replace fd12:3456:789a::1 dev stiefel0 table local",
  ]);
  assert.equal(
    machine.read("/run/stiefelsystem/link.batch").split("address replace")[0],
    "link add link stiefel0c name stiefel0 type vlan id 20\nlink set dev stiefel0 up\n",
  );
  assert.match(machine.read("/run/stiefelsystem/session.state"), /^STIEFEL_LINK_NAME=stiefel0$/m);
  assert.match(machine.read("/run/stiefelsystem/session.state"), /^STIEFEL_LINK_CARD=stiefel0c$/m);
});

testAttach("no program touches a VLAN or its card", { session: formatSession(onVlan), links }, ({ machine }) => {
  assert.match(machine.read("/run/systemd/network/0--stiefelsystem.link"), /\nKind=!\*\n\[Link\]\nName=stiefel0c\n$/);
  assert.equal(
    machine.read("/run/systemd/network/0--stiefelsystem-vlan.link"),
    "[Match]\nOriginalName=stiefel0\n[Link]\nMACAddressPolicy=none\n",
  );
  assert.match(
    machine.read("/run/systemd/network/0--stiefelsystem-vlan.network"),
    /^\[Match\]\nName=stiefel0\n\[Link\]\nUnmanaged=yes\n/,
  );
  assert.deepEqual(machine.read("/run/udev/rules.d/76-stiefelsystem.rules").split("\n"), [
    'ACTION!="remove", SUBSYSTEM=="net", DRIVERS=="?*", ATTR{address}=="02:00:5e:10:00:01", NAME:="stiefel0c", ENV{NM_UNMANAGED}="1"',
    'ACTION!="remove", SUBSYSTEM=="net", KERNEL=="stiefel0", ENV{NM_UNMANAGED}="1"',
    "",
  ]);
  assert.match(
    machine.read("/run/NetworkManager/conf.d/00-stiefelsystem.conf"),
    /^unmanaged-devices\+=mac:02:00:5e:10:00:01;interface-name:stiefel0$/m,
  );
});

for (const laptop of ["enp0s31f6", "enxdock"]) {
  testAttach(`N1 with a VLAN: both cards have a cable, and only that of ${laptop} leads to the laptop`, {
    session: formatSession(onVlan),
    links: { enp0s31f6: direct.link.mac, enxdock: direct.link.mac },
    cables: ["enp0s31f6", "enxdock"],
    toLaptop: [laptop],
  }, ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.ok(machine.exists("/sys/class/net/stiefel0c/laptop"));
    assert.ok(machine.exists("/sys/class/net/stiefel0"));
  });
}

testAttach("a kernel that makes no VLANs is named", {
  session: formatSession(onVlan),
  links,
  hasNoVlans: true,
}, ({ result }) => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, /There is no VLAN 20 on stiefel0c\n {4}hint: .*8021q/);
});

testAttach("A5: the pause after a long cut is bounded where the kernel can", {
  session: formatSession(direct),
  links,
  hasRtoMax: true,
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.equal(machine.read("/proc/sys/net/ipv4/tcp_rto_max_ms"), "20000\n");
});

testAttach("without a session touches nothing", { links }, ({ machine, result }) => {
  assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(machine.calls(), []);
  assert.ok(!machine.exists("/run"));
});

testAttach("waits for an adapter that is plugged in late", {
  session: formatSession(direct),
  hotPlug: { name: "enx02005e100001", mac: direct.link.mac },
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.match(
    result.stderr,
    /^stiefelsystem: Waiting for the network adapter with address 02:00:5e:10:00:01, at most 60 seconds\n/,
  );
  assert.ok(machine.calls().includes("ip link set dev enx02005e100001 name stiefel0"));
});

testAttach("leaves a link alone that udev has named already", {
  session: formatSession(direct),
  links: { stiefel0: direct.link.mac },
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.ok(!machine.calls().some((call) => call.includes(" name ")));
});

testAttach("takes no VLAN or bridge that has the adapter's address", {
  session: formatSession(direct),
  virtualLinks: { br0: direct.link.mac },
  links: { enp3s0: direct.link.mac },
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.ok(machine.exists("/sys/class/net/br0"));
});

for (const shell of SHELLS) {
  Deno.test(`takes the files of programs that the shell has itself (${shell.join(" ")})`, async () => {
    await using machine = await makeMachine({ session: formatSession(direct), links });
    // As if it were built to prefer its own, as that of Debian's busybox-static.
    const ownPrograms = "ip() { return 1; }; modprobe() { return 1; }; " +
      'timeout() { case $2 in */*) shift && "$@" ;; *) return 1 ;; esac; }; . "$0"';
    const result = await machine.run([...shell, "-c", ownPrograms, script, "attach", machine.root]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(machine.calls(), DIRECT_CALLS.filter((call) => !call.startsWith("timeout ")));
  });
}

testAttach("names the adapters there are when the wanted one is missing", {
  session: formatSession(direct),
  links: { enp1s0: "02:00:5e:00:00:77" },
}, ({ machine, result }) => {
  assert.equal(result.code, 1);
  assert.match(
    result.stderr,
    /No network adapter with address 02:00:5e:10:00:01; there are: enp1s0 \(02:00:5e:00:00:77\)\n {4}hint: /,
  );
  assert.deepEqual(machine.calls(), ["ip -V", "udevadm control --reload", "ip monitor link"]);
  assert.ok(!machine.exists("/run/stiefelsystem/session.state"));
});

testAttach(
  "says that the cable is not plugged in",
  { session: formatSession(direct), links, hasCarrier: false },
  ({ machine, result }) => {
    assert.equal(result.code, 1);
    assert.match(result.stderr, /Waiting for a carrier on stiefel0, at most 30 seconds\n/);
    assert.match(result.stderr, /No carrier on stiefel0 \(02:00:5e:10:00:01\)\n {4}hint: is the cable plugged in/);
    assert.ok(!machine.calls().some((call) => call.startsWith("nbd-client")));
  },
);

testAttach(
  "tries again while the server refuses",
  { session: formatSession(direct), links, refusedAttempts: 3 },
  ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.equal(machine.calls().filter((call) => call.startsWith("nbd-client")).length, 4);
    assert.match(result.stderr, /Not attached, trying again for 89 seconds\n/);
  },
);

testAttach(
  "gives up with what to check when the server cannot be reached",
  { session: formatSession(direct), links, refusedAttempts: 1000 },
  ({ machine, result }) => {
    assert.equal(result.code, 1);
    assert.equal(machine.calls().filter((call) => call.startsWith("nbd-client")).length, 90);
    assert.match(
      result.stderr,
      /The disk at fd12:3456:789a::1 port 10809 cannot be attached\n {4}hint: does the laptop/,
    );
    assert.ok(!machine.exists("/run/stiefelsystem/session.state"));
  },
);

testAttach("says that the kernel module is missing", { session: formatSession(direct), links, hasNbdModule: false }, ({
  result,
}) => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, /The kernel module nbd cannot be loaded\n/);
});

testAttach(
  "says that IPv6 is switched off",
  { session: formatSession(direct), links, hasIpv6: false },
  ({ result }) => {
    assert.equal(result.code, 1);
    assert.match(result.stderr, /needs IPv6, which this kernel has switched off\n {4}hint: remove ipv6.disable=1/);
  },
);

for (const disk of [{ sectors: 4096, blockSizeBytes: 512 }, { sectors: 2048, blockSizeBytes: 4096 }]) {
  testAttach(
    `gives back a disk of ${disk.sectors} sectors and ${disk.blockSizeBytes}-byte blocks it was not promised`,
    {
      session: formatSession(direct),
      links,
      disk,
    },
    ({ machine, result }) => {
      assert.equal(result.code, 1);
      assert.match(result.stderr, /the session says 1048576 in blocks of 512\n/);
      assert.equal(machine.calls().at(-1), "nbd-client -d /dev/nbd0");
      assert.ok(!machine.exists("/run/stiefelsystem/session.state"));
    },
  );
}

testAttach(
  "refuses an nbd-client that stays as a process",
  { session: formatSession(direct), links, clientProcess: 321 },
  ({ machine, result }) => {
    assert.equal(result.code, 1);
    assert.match(result.stderr, /nbd-client stays as a process/);
    assert.equal(machine.calls().at(-1), "nbd-client -d /dev/nbd0");
  },
);

testAttach(
  "gives back a disk that cannot be opened",
  { session: formatSession(direct), links, isDiskUnreadable: true },
  ({ machine, result }) => {
    assert.equal(result.code, 1);
    assert.match(result.stderr, /The attached disk cannot be opened\n/);
    assert.equal(machine.calls().at(-1), "nbd-client -d /dev/nbd0");
  },
);

const text = formatSession(direct);
const badSessions: Readonly<Record<string, string>> = {
  "an older version": text.replace("VERSION=2", "VERSION=1"),
  "a newer version": text.replace("VERSION=2", "VERSION=3"),
  "no version first": text.replace("STIEFEL_VERSION=2\n", ""),
  "another transport": text.replace("=nbd", "=iscsi"),
  "a transport without its keys": text.replace("=nbd", "=nvme-tcp"),
  "a key of another transport": text.replace(/(STIEFEL_DISK_EXPORT_NAME)/, "STIEFEL_DISK_QUEUES=4\n$1"),
  "a key of a transport before its name": text.replace("STIEFEL_DISK_TRANSPORT", "STIEFEL_DISK_CONNECTIONS=1\n$&"),
  "a key of a transport twice": text.replace(/(STIEFEL_DISK_CONNECTIONS=.*\n)/, "$1$1"),
  "an unknown key": `${text}STIEFEL_SHELL=1\n`,
  "a repeated key": `${text}STIEFEL_DISK_PORT=1\n`,
  "a missing key": text.replace(/STIEFEL_DISK_PORT=.*\n/, ""),
  "an empty value": text.replace(/STIEFEL_DISK_PORT=.*\n/, "STIEFEL_DISK_PORT=\n"),
  "an option as address": text.replace("fd12:3456:789a::1\n", "-d\n"),
  "a short export name": text.replace("0123456789abcdef0123456789abcdef", "0123"),
  "a command in a value": text.replace("10809", "$(touch$IFS/tmp/x)"),
  "a path as link name": text.replace("stiefel0", "../etc"),
  "a quote": text.replace("10809", "'10809'"),
  "an equals sign in a value": text.replace("10809", "10809=1"),
  "no line ends": "x".repeat(5000),
  "bytes that are no text": "\u0001\u0002\u00ff\n\n\n",
  "nothing in it": "",
};
for (const [what, session] of Object.entries(badSessions)) {
  testAttach(`refuses a session with ${what} before doing anything`, { session, links }, ({ machine, result }) => {
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, /^stiefelsystem: (Line \d+ of the session|The session)/);
    assert.deepEqual(machine.calls(), []);
    assert.ok(!machine.exists("/run"));
  });
}

testAttach("names an unknown transport, and those that it has", {
  session: text.replace("TRANSPORT=nbd", "TRANSPORT=carrier-pigeon"),
  links,
}, ({ result }) => {
  assert.equal(result.code, 2);
  assert.match(
    result.stderr,
    /^stiefelsystem: The session has the transport "carrier-pigeon", which this .* know; it knows nbd nvme-engine nvme-tcp\n {4}hint: /,
  );
});

for (const name of ["../../../tmp/x", "NBD", "nbd/", "-"]) {
  testAttach(`takes no file for a transport called ${name}`, {
    session: text.replace("TRANSPORT=nbd", `TRANSPORT=${name}`),
    links,
  }, ({ machine, result }) => {
    assert.equal(result.code, 2);
    assert.match(
      result.stderr,
      /^stiefelsystem: The session has the transport "[^"]*", which this system does not know/,
    );
    assert.deepEqual(machine.calls(), []);
  });
}

/** A transport whose device gets its name only when it is attached, and which needs no program. */
const toy = `toy_color=''
take_parameter() { [ "$1" = STIEFEL_DISK_TOY_COLOR ] && [ -z "$toy_color" ] && toy_color=$2; }
name_disk() { disk=''; [ -e "$root/sys/block/toy7n1" ] && disk=toy7n1; }
is_disk_name() { case $disk in toy*) ;; *) return 1 ;; esac; }
list_disk_programs() { :; }
find_disk_programs() { :; }
load_disk_driver() { "$modprobe" toy; }
connect_disk() {
  mkdir -p "$root/sys/block/toy7n1/queue" "$root/sys/class/block/toy7n1" "$root/dev"
  echo 2048 >"$root/sys/block/toy7n1/size"
  echo 512 >"$root/sys/block/toy7n1/queue/logical_block_size"
  : >"$root/dev/toy7n1"
  disk=toy7n1
}
check_connection() { :; }
has_parameters() { [ "$toy_color" = red ]; }
release_disk() { say "released $disk"; }
tell_how_to_look() { echo "look"; }
`;

const toySession = text.replace("=nbd", "=toy-1").replace(/EXPORT_NAME=.*/, "TOY_COLOR=red")
  .replace(/STIEFEL_DISK_CONNECTIONS=.*\n/, "");

const nvme = formatSession({ ...nvmeSession, link: { ...nvmeSession.link, mac: direct.link.mac } });
const { subsystem } = nvmeSession.disk;
/** What the kernel makes when a connection is asked for (tried with Linux 6.12), beside a disk of the desktop's own. */
const connect = `system=$STUB_ROOT/sys/class/nvme-subsystem
cat >>"$STUB_ROOT/asked"
mkdir -p "$STUB_ROOT/dev" "$system/nvme-subsys0/nvme0n1" "$system/nvme-subsys3/nvme3n1"
echo nqn.2019-08.org.example:own >"$system/nvme-subsys0/subsysnqn"
echo "nqn.2014-08.org.nvmexpress:uuid:${subsystem}" >"$system/nvme-subsys3/subsysnqn"
for number in 0 3; do
  mkdir -p "$STUB_ROOT/sys/class/nvme/nvme$number"
  cp "$system/nvme-subsys$number/subsysnqn" "$STUB_ROOT/sys/class/nvme/nvme$number/"
done
for name in nvme0n1 nvme3c3n1 nvme3n1; do
  mkdir -p "$STUB_ROOT/sys/class/block/$name" "$STUB_ROOT/sys/block/$name/queue"
  echo 4194304 >"$STUB_ROOT/sys/block/$name/size"; echo 4096 >"$STUB_ROOT/sys/block/$name/queue/logical_block_size"
  echo 1280 >"$STUB_ROOT/sys/block/$name/queue/max_sectors_kb"
  mkdir -p "$system/nvme-subsys3/nvme3n1/nvme3n1p1" "$STUB_ROOT/sys/class/block/nvme3n1p1"
  : >"$STUB_ROOT/dev/$name"
done`;

testAttach("attaches by NVMe/TCP: one line for the kernel, and the disk by the name of its subsystem", {
  session: nvme,
  links,
  programs: { dd: connect },
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /The laptop's disk is attached as \/dev\/nvme3n1\n$/);
  assert.ok(machine.calls().includes("modprobe nvme-tcp"));
  const host = "22222222-2222-4222-8222-222222222222";
  const line = (name: string, queues: number): string =>
    `transport=tcp,traddr=fdd3:1f5e:42aa:1::1,trsvcid=4420,nqn=nqn.2014-08.org.nvmexpress:uuid:${name},` +
    `hostnqn=nqn.2014-08.org.nvmexpress:uuid:${host},hostid=${host},nr_io_queues=${queues},` +
    "reconnect_delay=1,ctrl_loss_tmo=-1,keep_alive_tmo=15\n";
  assert.equal(machine.read("/asked"), line(subsystem, 4));
  assert.equal(machine.read("/run/stiefelsystem/goodbye"), line(`${subsystem}:goodbye`, 1));
  assert.equal(machine.read("/sys/block/nvme3n1/queue/max_sectors_kb"), "1024\n");
  assert.match(machine.read("/run/stiefelsystem/session.state"), /^STIEFEL_DISK=\/dev\/nvme3n1$/m);
  assert.match(machine.read("/etc/lvm/lvmlocal.conf"), /a\|\^\/dev\/nvme3n1\(p\[0-9\]\+\)\?\$\|/);
});

const engine = formatSession({ ...engineSession, link: { ...engineSession.link, mac: direct.link.mac } });
const { host: engineHost, subsystem: engineDisk } = engineSession.disk;
const hostKey = "DHHC-1:00:c2VjcmV0IG9mIHRoZSBkZXNrdG9wIGZvciBhIHRlc3Q+/w==:";
/** The same of a storage system, whose second machine does not answer, with two disks in the subsystem. */
const connectEngine = `asked=$(cat)
echo "$asked" >>"$STUB_ROOT/asked"
case $asked in *traddr=192.0.2.11,*) exit 1 ;; esac
system=$STUB_ROOT/sys/class/nvme-subsystem/nvme-subsys3
mkdir -p "$STUB_ROOT/dev" "$system/nvme3n1" "$system/nvme3n2" "$STUB_ROOT/sys/class/nvme/nvme3"
echo "${engineDisk}" | tee "$system/subsysnqn" >"$STUB_ROOT/sys/class/nvme/nvme3/subsysnqn"
echo traddr=192.0.2.10,trsvcid=4420,src_addr=192.0.2.50 >"$STUB_ROOT/sys/class/nvme/nvme3/address"
for number in 1 2; do
  mkdir -p "$STUB_ROOT/sys/class/block/nvme3n$number" "$STUB_ROOT/sys/block/nvme3n$number/queue"
  echo $((number + 1)) >"$STUB_ROOT/sys/class/block/nvme3n$number/nsid"
  echo 1280 >"$STUB_ROOT/sys/block/nvme3n$number/queue/max_sectors_kb"
  : >"$STUB_ROOT/dev/nvme3n$number"
done`;
const engineTest = { session: engine, links, programs: { dd: connectEngine } };

testAttach("a storage system's disk: its namespace, by the ways that answer, known by a secret that stays nowhere", {
  ...engineTest,
  prepare: (machine: Machine) =>
    machine.write("/stiefelsystem/secret", `HOST=${hostKey}\nCONTROLLER=DHHC-1:01:AAAA:\n`),
}, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /No connection to the disk at 192\.0\.2\.11\n/);
  // The second namespace of three: its number is not that of the device.
  assert.match(result.stderr, /The laptop's disk is attached as \/dev\/nvme3n2\n$/);
  const line = (address: string): string =>
    `transport=tcp,traddr=${address},trsvcid=4420,nqn=${engineDisk},hostnqn=${engineHost},` +
    `hostid=${engineSession.disk.hostId},nr_io_queues=4,reconnect_delay=1,ctrl_loss_tmo=-1,keep_alive_tmo=15,` +
    `dhchap_secret=${hostKey},dhchap_ctrl_secret=DHHC-1:01:AAAA:\n`;
  assert.equal(machine.read("/asked"), line("192.0.2.10") + line("192.0.2.11"));
  assert.equal(machine.read("/stiefelsystem/secret"), "");
  const isSecret = (text: string): boolean => text.includes("DHHC-1");
  assert.ok(!isSecret(result.stderr) && !machine.calls().some(isSecret));
  assert.ok(!Object.values(machine.files("/run")).some(isSecret));
  assert.match(
    machine.read("/run/tmpfiles.d/stiefelsystem.conf"),
    /^z \/sys\/class\/nvme\/\*\/dhchap_secret 0400 root/,
  );
  const calls = machine.calls();
  assert.ok(calls.includes("ip route replace 192.0.2.11 dev stiefel0 table local"), calls.join("\n"));
  // Its address may move to another machine.
  assert.ok(!calls.some((call) => call.startsWith("ip neighbour")));
  assert.doesNotMatch(machine.read("/run/stiefelsystem/session.state"), /STATUS_ADDRESS/);
  assert.match(
    machine.read("/run/stiefelsystem/link.batch"),
    /^route replace 192\.0\.2\.11 dev stiefel0 table local$/m,
  );
  assert.match(machine.read("/run/udev/rules.d/58-stiefelsystem.rules"), /ATTRS\{subsysnqn\}=="nqn\./);
  assert.ok(!machine.exists("/run/stiefelsystem/goodbye"));
});

testAttach("a storage system without secret: the line for the kernel has none", engineTest, ({ machine, result }) => {
  assert.equal(result.code, 0, result.stderr);
  assert.doesNotMatch(machine.read("/asked"), /dhchap/);
});

testAttach("a storage system that refuses the secret: it is asked again, and the secret stays for that", {
  session: engine,
  links,
  programs: { dd: "cat >/dev/null; exit 0", sleep: "" },
  prepare: (machine: Machine) => machine.write("/stiefelsystem/secret", `HOST=${hostKey}\n`),
}, ({ machine, result }) => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, /cannot be attached/);
  assert.doesNotMatch(result.stderr, /DHHC/);
  assert.match(machine.read("/stiefelsystem/secret"), /^HOST=DHHC-1:/);
});

testAttach("a disk of another size is given back: a goodbye, and the session's connections are ended", {
  session: nvme,
  links,
  programs: {
    dd: `${connect}
for name in nvme0n1 nvme3n1; do echo 8 >"$STUB_ROOT/sys/block/$name/size"; done`,
  },
}, ({ machine, result }) => {
  assert.equal(result.code, 1);
  assert.match(result.stderr, /The attached disk has 4096 bytes in blocks of 4096, the session says 2147483648/);
  assert.match(machine.read("/dev/nvme-fabrics"), /:goodbye,/);
  assert.ok(machine.exists("/sys/class/nvme/nvme3/delete_controller"));
  assert.ok(!machine.exists("/sys/class/nvme/nvme0/delete_controller"));
});

// klibc's dd, which Debian's initramfs has, ends with 0 where the kernel has refused what it wrote.
for (const exitStatus of [0, 1]) {
  testAttach(
    `a laptop that refuses the connection (${exitStatus}) is asked again each second, and the disk is not there`,
    {
      session: nvme,
      links,
      programs: { dd: `cat >/dev/null; exit ${exitStatus}`, sleep: "" },
    },
    ({ result }) => {
      assert.equal(result.code, 1);
      assert.match(result.stderr, /trying again for 89 seconds\n.*trying again for 88 seconds/);
      assert.match(result.stderr, /cannot be attached/);
      assert.match(result.stderr, /cat \/sys\/class\/nvme/);
    },
  );
}

for (const shell of SHELLS) {
  Deno.test(`another transport is one more file (${shell.join(" ")})`, async () => {
    await using machine = await makeMachine({ session: toySession, links });
    const programs = `${machine.root}/usr/lib/stiefelsystem`;
    Deno.mkdirSync(`${programs}/attach`, { recursive: true });
    for (
      const part of [
        "stiefel-attach",
        ...[...Deno.readDirSync(`${generic}attach`)].map((it) => `attach/${it.name}`),
      ]
    ) {
      Deno.copyFileSync(`${generic}${part}`, `${programs}/${part}`);
    }
    for (const name of ["nbd", "nvme-tcp", "nvme-engine"]) await Deno.remove(`${programs}/attach/disk-${name}.sh`);
    machine.write("/usr/lib/stiefelsystem/attach/disk-toy-1.sh", toy);
    const run = (...args: readonly string[]): Promise<ProgramResult> =>
      machine.run([...shell, `${programs}/stiefel-attach`, ...args, machine.root]);
    const attached = await run("attach");
    assert.equal(attached.code, 0, attached.stderr);
    assert.match(attached.stderr, /The laptop's disk is attached as \/dev\/toy7n1\n$/);
    assert.match(
      machine.read("/run/stiefelsystem/session.state"),
      /^STIEFEL_TRANSPORT=toy-1\nSTIEFEL_DISK=\/dev\/toy7n1$/m,
    );
    // Before its name is known LVM sees no disk; the last setting counts.
    const filters = machine.read("/etc/lvm/lvmlocal.conf").split("\n").filter((line) => line.startsWith("\tfilter"));
    assert.equal(filters.length, 2);
    assert.doesNotMatch(filters[0] ?? "", /toy|nbd/);
    assert.match(filters[1] ?? "", /"a\|\^\/dev\/toy7n1\(p\[0-9\]\+\)\?\$\|"/);
    assert.ok(!machine.calls().some((call) => call.includes("nbd")), machine.calls().join("\n"));

    machine.write("/mnt/etc/stiefelsystem/laptop", "LINK=2 disk/by-id/x-part2\n");
    assert.equal((await run("prepare", `${machine.root}/mnt`)).code, 0);
    const rules = machine.read("/run/udev/rules.d/62-stiefelsystem-disks.rules");
    assert.match(rules, /^KERNEL=="toy7n1\|toy7n1p\*\|dm-\*\|md\*", OPTIONS/m);
    assert.match(rules, /^KERNEL=="toy7n1p2", SYMLINK\+="disk\/by-id\/x-part2"$/m);
  });

  Deno.test(`without one of its parts it says which is missing (${shell.join(" ")})`, async () => {
    await using machine = await makeMachine({ session: text, links });
    machine.write("/alone/stiefel-attach", Deno.readTextFileSync(script));
    const result = await machine.run([...shell, `${machine.root}/alone/stiefel-attach`, "attach", machine.root]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^stiefelsystem: .*\/alone\/attach\/basics\.sh is missing; run setup-server again/);
  });
}

const group = "STIEFEL_TUNNEL_PUBLIC_KEY=x\n";
const newer = "run setup-server on the laptop, with a stiefelsystem as new as the image";
const ofOtherDates: Readonly<Record<string, readonly [session: string, says: string, todo: string]>> = {
  "an older version": [
    text.replace("VERSION=2", "VERSION=1"),
    "The session file has version 1, this initramfs knows version 2",
    "build the laptop's image again (create-initrd): it is older than this initramfs",
  ],
  // As an image of version 1 has written it.
  "version 1 in its own form": [
    "STIEFEL_VERSION=1\nSTIEFEL_TRANSPORT=nbd\nSTIEFEL_LINK_MAC=02:00:5e:10:00:01\nSTIEFEL_PORT=10809\n",
    "The session file has version 1, this initramfs knows version 2",
    "build the laptop's image again (create-initrd): it is older than this initramfs",
  ],
  "a newer version": [
    text.replace("VERSION=2", "VERSION=3"),
    "The session file has version 3, this initramfs knows version 2",
    newer,
  ],
  "another transport": [
    text.replace("=nbd", "=iscsi"),
    'The session has the transport "iscsi", which this system does not know; it knows nbd nvme-engine nvme-tcp',
    newer,
  ],
  "another transport with keys of its own": [
    text.replace(/=nbd\n[^]*/, "=iscsi\nSTIEFEL_DISK_IQN=iqn.2014-08.org\n"),
    'The session has the transport "iscsi", which this system does not know; it knows nbd nvme-engine nvme-tcp',
    newer,
  ],
  ...Object.fromEntries(["later", "uplink", "zz"].flatMap((name) => {
    const line = group.replace("TUNNEL", name.toUpperCase());
    const says = `The session has a group "${name}", which this initramfs does not know`;
    return [
      [`a group "${name}" before the disk's`, [text.replace("STIEFEL_DISK", `${line}STIEFEL_DISK`), says, newer]],
      [`a group "${name}" at the end`, [text + line, says, newer]],
      [`a group "${name}" with a value of its own`, [text + line.replace("=x", "=abc+/=="), says, newer]],
    ] as const;
  })),
};
for (const [what, [session, says, todo]] of Object.entries(ofOtherDates)) {
  testAttach(`refuses a session with ${what} by its name, and says what to do`, { session, links }, (attached) => {
    const { machine, result } = attached;
    assert.equal(result.code, 2, result.stderr);
    assert.equal(result.stderr, `stiefelsystem: ${says}\n    hint: ${todo}\n`);
    assert.deepEqual(machine.calls(), []);
    assert.ok(!machine.exists("/run"));
  });
}

Deno.test("the initramfs knows the groups and keys of the table, and no others", async () => {
  const shell = await Deno.readTextFile(sessionScript);
  const keysOf = (text: string): readonly (string | undefined)[] =>
    [...text.matchAll(/^ {4}(STIEFEL_[A-Z_]+)\)/gm)].map(([, key]) => key);
  const inTable = sessionGroups.flatMap(({ forms }) =>
    forms.flatMap(({ fields }) => fields.map(({ name }) => ({ name, forms: forms.length })))
  );
  // In the order of the table; what only one of several forms has is in the file of its transport.
  const shared = [...new Set(inTable.map(({ name }) => name))].filter((name) => {
    const forms = inTable.filter((each) => each.name === name);
    return forms.length > 1 && !name.endsWith("_SUBSYSTEM") && !name.endsWith("_HOST") && !name.endsWith("_QUEUES") ||
      forms[0]?.forms === 1;
  });
  assert.deepEqual(keysOf(shell), ["STIEFEL_VERSION", ...shared]);
  for (const { transport, fields } of sessionGroups.flatMap(({ forms }) => forms)) {
    if (transport === undefined) continue;
    const own = fields.map(({ name }) => name).filter((name) => !shared.includes(name));
    assert.deepEqual(keysOf(await Deno.readTextFile(`${generic}attach/disk-${transport}.sh`)), own, transport);
  }
  const [, groups] = /^SESSION_GROUPS='([a-z ]+)'$/m.exec(shell) ?? [];
  assert.deepEqual(groups?.split(" "), sessionGroups.map(({ name }) => name));
  assert.match(shell, new RegExp(`^SESSION_VERSION=${SESSION_VERSION}$`, "m"));
});

const tunnelled: SessionParameters = {
  ...direct,
  tunnel: {
    name: "stiefeltunnel",
    address: "fd77::2/128",
    mtu: 1420,
    endpoint: direct.disk.address,
    port: 51820,
    publicKey: "ab".repeat(32),
  },
  disk: { ...direct.disk, address: "fd77::1" },
};
const tunnelKeys = "[Interface]\nPrivateKey = XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=\n";
/** What the desktop's agent has put beside the session. */
function layParcel(machine: Machine, { keys = tunnelKeys, wg = writesKeysDown }: Parcel = {}): void {
  const place = "/stiefelsystem";
  machine.write(`${place}/tunnel.conf`, keys);
  machine.write(`${place}/libc.so.6`, "a library");
  // A loader starts the program that comes behind the place of its libraries.
  machine.write(
    `${place}/ld.so`,
    '#!/bin/sh\n[ "$1" = --library-path ] && [ -s "$2/libc.so.6" ] && shift 2 && exec "$@"\n',
  );
  machine.write(`${place}/wg`, `#!/bin/sh\necho "wg $*" | sed "s|$STUB_ROOT||" >>"$STUB/calls"\n${wg}\n`);
  for (const name of ["ld.so", "wg"]) Deno.chmodSync(`${machine.root}${place}/${name}`, 0o700);
}
interface Parcel {
  readonly keys?: string;
  /** What wg does. */
  readonly wg?: string;
}
const writesKeysDown = 'while read -r line; do echo "$line"; done <"$3" >"$STUB/keys"';

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;
  const withTunnel: MachineOptions = { session: formatSession(tunnelled), links };

  Deno.test(`a driver that takes no jumbo frames gets a tunnel that fits${under}`, async () => {
    const { tunnel, ...others } = tunnelled;
    assert.ok(tunnel);
    const link = { ...tunnelled.link, mtu: 9000 };
    const session = formatSession({ ...others, link, tunnel: { ...tunnel, mtu: 8920 } });
    for (const [taken, wanted] of [["1500", 1420], ["9000", 8920], ["9194", 8920]] as const) {
      await using machine = await makeMachine({ ...withTunnel, session });
      layParcel(machine);
      for (const name of Object.keys(links)) machine.write(`/sys/class/net/${name}/mtu`, `${taken}\n`);
      const result = await machine.run([...shell, script, "attach", machine.root]);
      assert.equal(result.code, 0, result.stderr);
      assert.ok(machine.calls().includes("ip link set dev stiefel0 mtu 9000"));
      assert.ok(machine.calls().includes(`ip link set dev stiefeltunnel mtu ${wanted} up`), machine.calls().join("\n"));
    }
  });

  Deno.test(`through a tunnel: the link leads to its far end, the disk is reached inside, keys are gone${under}`, async () => {
    await using machine = await makeMachine(withTunnel);
    layParcel(machine);
    // Another name of the same bytes, where they lie.
    await Deno.link(`${machine.root}/stiefelsystem/tunnel.conf`, `${machine.root}/left`);
    const result = await machine.run([...shell, script, "attach", machine.root]);
    assert.equal(result.code, 0, result.stderr);
    const calls = machine.calls();
    const first = calls.indexOf("ip route replace fd12:3456:789a::1 dev stiefel0 table local");
    assert.deepEqual(calls.slice(first, first + 9), [
      "ip route replace fd12:3456:789a::1 dev stiefel0 table local",
      "modprobe wireguard",
      "ip link add dev stiefeltunnel type wireguard",
      "wg setconf stiefeltunnel /stiefelsystem/tunnel.conf",
      "ip -6 address replace fd77::2/128 dev stiefeltunnel nodad",
      "ip link set dev stiefeltunnel mtu 1420 up",
      "ip route replace fd77::1 dev stiefeltunnel table local",
      "modprobe nbd nbds_max=1 max_part=31",
      "timeout 10 nbd-client -N 0123456789abcdef0123456789abcdef -b 512 -C 1 fd77::1 10809 /dev/nbd0",
    ]);
    assert.ok(calls.includes("ip neighbour show to fd12:3456:789a::1 dev stiefel0"));
    assert.equal(Deno.readTextFileSync(`${machine.root}/../stub/keys`), tunnelKeys);
    assert.equal(machine.read("/left"), "");
    assert.doesNotMatch(calls.join("\n") + result.stderr, /XasIfmJK/);
    const files = machine.files("/run");
    assert.ok(!Object.values(files).some((content) => content.includes("XasIfmJK")));
    assert.equal(
      files["/run/stiefelsystem/link.batch"],
      "address replace fd12:3456:789a::2/64 dev stiefel0 nodad\n" +
        "route replace fd12:3456:789a::1 dev stiefel0 table local\n" +
        "address replace fd77::2/128 dev stiefeltunnel nodad\nlink set dev stiefeltunnel up\n" +
        "route replace fd77::1 dev stiefeltunnel table local\n" +
        "neighbour replace fd12:3456:789a::1 lladdr 02:00:5e:20:00:02 dev stiefel0 nud permanent\n",
    );
    assert.match(files["/run/stiefelsystem/session.state"] ?? "", /^STIEFEL_TUNNEL_NAME=stiefeltunnel$/m);
    // The page is on the link, outside the tunnel.
    assert.deepEqual(parseSessionState(files["/run/stiefelsystem/session.state"] ?? ""), {
      transport: "nbd",
      disk: "/dev/nbd0",
      linkName: "stiefel0",
      linkDownCount: 0,
      tunnelName: "stiefeltunnel",
      statusAddress: "fd12:3456:789a::1",
    });
    assert.match(
      files["/run/NetworkManager/conf.d/00-stiefelsystem.conf"] ?? "",
      /^unmanaged-devices\+=mac:02:00:5e:10:00:01;interface-name:stiefel0;interface-name:stiefeltunnel$/m,
    );
    assert.match(
      files["/run/systemd/network/0--stiefelsystem-tunnel.network"] ?? "",
      /^Name=stiefeltunnel\n.*\nUnmanaged=yes$/m,
    );
  });

  Deno.test(`through a tunnel by NVMe/TCP: the disk and the goodbye go to the far end inside${under}`, async () => {
    const session = formatSession({ ...tunnelled, disk: { ...nvmeSession.disk, address: "fd77::1" } });
    await using machine = await makeMachine({ session, links, programs: { dd: connect } });
    layParcel(machine);
    const result = await machine.run([...shell, script, "attach", machine.root]);
    assert.equal(result.code, 0, result.stderr);
    for (const path of ["/asked", "/run/stiefelsystem/goodbye"]) {
      assert.match(machine.read(path), /^transport=tcp,traddr=fd77::1,trsvcid=4420,/);
    }
  });

  Deno.test(`a tunnel that stands already is left as it is when attaching is tried again${under}`, async () => {
    await using machine = await makeMachine(withTunnel);
    layParcel(machine, { keys: "" });
    machine.write("/sys/class/net/stiefeltunnel/address", "");
    const result = await machine.run([...shell, script, "attach", machine.root]);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(!machine.calls().some((call) => /^wg|type wireguard|modprobe wireguard/.test(call)));
  });

  Deno.test(`a tunnel without keys, wg, or its module, is named, and the disk is not reached past it${under}`, async () => {
    const removing = (name: string) => (machine: Machine): void => {
      layParcel(machine);
      Deno.removeSync(`${machine.root}/stiefelsystem/${name}`);
    };
    const cases: readonly (readonly [lay: (machine: Machine) => void, RegExp, MachineOptions?])[] = [
      [removing("tunnel.conf"), /^stiefelsystem: The session has a tunnel, and no keys for it$/m],
      [removing("wg"), /^stiefelsystem: The session has a tunnel, and no wg for it\n {4}hint: build the image anew/m],
      [removing("ld.so"), /^stiefelsystem: The session has a tunnel, and no ld\.so for it$/m],
      [removing("libc.so.6"), /^stiefelsystem: The session has a tunnel, and no libc\.so\.6 for it$/m],
      [(machine) => layParcel(machine, { wg: "exit 1" }), /^stiefelsystem: WireGuard does not take the keys/m],
      [
        (machine) => layParcel(machine),
        /^stiefelsystem: The kernel module wireguard cannot be loaded$/m,
        { ...withTunnel, programs: { modprobe: '[ "$1" != wireguard ]' } },
      ],
    ];
    for (const [lay, words, options = withTunnel] of cases) {
      await using machine = await makeMachine(options);
      lay(machine);
      const result = await machine.run([...shell, script, "attach", machine.root]);
      assert.equal(result.code, 1, `${words}: ${result.stderr}`);
      assert.match(result.stderr, words);
      assert.ok(!machine.calls().some((call) => call.startsWith("nbd-client")));
    }
  });
}

const wholeTunnel = formatSession(tunnelled);
for (const key of [...wholeTunnel.matchAll(/^STIEFEL_TUNNEL_[A-Z_]+/gm)].map(([name]) => name)) {
  testAttach(`half a tunnel is none: without ${key} the session is incomplete`, {
    session: wholeTunnel.replace(new RegExp(`^${key}=.*\\n`, "m"), ""),
    links,
  }, ({ machine, result }) => {
    assert.equal(result.code, 2);
    assert.match(result.stderr, /^stiefelsystem: The session file is incomplete/);
    assert.deepEqual(machine.calls(), []);
  });
}

testAttach(
  "L9: LVM in the initramfs sees the laptop's disk only; a copy of its devices file is put aside",
  { session: formatSession(direct), links, lvmDevices: true },
  ({ machine, result }) => {
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(Object.keys(machine.files("/etc")), [
      "/etc/lvm/devices/system.devices.laptop",
      "/etc/lvm/lvmlocal.conf",
    ]);
    const filter = /^\tfilter = \[ "a\|\^\/dev\/nbd0\(p\[0-9\]\+\)\?\$\|", .*"r\|\.\*\|" \]$/m;
    assert.match(machine.read("/etc/lvm/lvmlocal.conf"), filter);
  },
);

const keepLink = "/run/stiefelsystem/keep-link";
const condition = (question: string): string =>
  `[Service]\nExecCondition=/usr/lib/stiefelsystem/stiefel-disk ${question}\n`;

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  Deno.test(`a session cut off anywhere is refused or complete${under}`, async () => {
    // The last key only lacks digits when cut; every other cut leaves a key out or a line unfinished.
    const lastLine = text.lastIndexOf("STIEFEL_");
    for (let length = 0; length < lastLine; length += 13) {
      await using machine = await makeMachine({ session: text.slice(0, length), links });
      const result = await machine.run([...shell, script, "attach", machine.root]);
      assert.equal(result.code, 2, `${length}: ${result.stderr}`);
    }
  });

  Deno.test(`prepare blocks sleep and swap, and shows LVM all disks${under}`, async () => {
    await using machine = await makeMachine({ session: text, links });
    Deno.mkdirSync(`${machine.root}/mnt/etc/lvm/devices`, { recursive: true });
    Deno.writeTextFileSync(`${machine.root}/mnt/etc/lvm/devices/system.devices`, "VERSION=1.1.1\n");
    machine.write("/mnt/usr/lib/systemd/systemd", "");
    for (const name of imagePrograms) machine.write(`/stiefelsystem/${name}`, `bytes of ${name}`);
    const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(machine.files("/run"), {
      ...Object.fromEntries(imagePrograms.map((name) => [`/run/stiefelsystem/programs/${name}`, `bytes of ${name}`])),
      "/run/motd.d/stiefelsystem":
        "This system runs from the disk of a laptop, whose state is shown at http://[fd12:3456:789a::1]:4645/\n",
      "/run/systemd/system/dev-zram0.swap.d/50-stiefelsystem.conf": "",
      "/run/systemd/system/dev-zram1.swap.d/50-stiefelsystem.conf": "",
      "/run/systemd/system/hibernate.target": "",
      "/run/systemd/system/hybrid-sleep.target": "",
      "/run/systemd/system/sleep.target": "",
      "/run/systemd/system/multi-user.target.d/stiefel-awake.conf": "[Unit]\nWants=stiefel-awake.service\n",
      "/run/systemd/system/multi-user.target.d/stiefel-end.conf": "[Unit]\nWants=stiefel-end.service\n",
      "/run/systemd/system/stiefel-awake.service": "[Unit]\nDescription=Says why this desktop does not sleep\n" +
        "After=dbus.socket systemd-logind.service multi-user.target\nConditionPathExists=/run/dbus/system_bus_socket\n[Service]\nType=idle\nExecStart=systemd-inhibit --what=sleep --mode=block " +
        '--who=Stiefelsystem "--why=This system runs from the disk of a laptop, which sleeping would cut off" ' +
        "sleep infinity\nNice=10\nRestart=on-failure\nRestartSec=60\n",
      "/run/systemd/system/stiefel-end.service": "[Unit]\n" +
        "Description=Shuts this desktop down when its laptop asks for it\nAfter=multi-user.target\n" +
        "ConditionPathExists=/usr/lib/stiefelsystem/stiefel-end\n" +
        "[Service]\nType=idle\nExecStart=/usr/lib/stiefelsystem/stiefel-end\nNice=10\nRestart=on-failure\nRestartSec=60\n",
      "/run/systemd/system/stiefel-keep-link.service": "[Unit]\n" +
        "Description=Keeps the link to the laptop's disk as it is\n" +
        "ConditionPathExists=/usr/lib/stiefelsystem/stiefel-keep-link\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n" +
        "[Service]\nExecStart=/usr/lib/stiefelsystem/stiefel-keep-link\nPrivateMounts=yes\n" +
        `TemporaryFileSystem=${keepLink}:size=64m,mode=0700,nosuid\n` +
        `BindPaths=/proc:${keepLink}/proc:norbind /dev/null:${keepLink}/dev/null ` +
        `-/dev/console:${keepLink}/dev/console -/dev/kmsg:${keepLink}/dev/kmsg\n` +
        `BindReadOnlyPaths=/sys:${keepLink}/sys:norbind\n` +
        "OOMScoreAdjust=-1000\nRestart=on-failure\nRestartSec=30\n",
      "/run/systemd/system/stiefel-network.service": "[Unit]\n" +
        "Description=Gives this desktop a network of its own on the cable to the laptop\n" +
        "ConditionPathExists=/usr/lib/stiefelsystem/stiefel-network\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n" +
        "After=multi-user.target\n[Service]\nType=idle\nExecStart=/usr/lib/stiefelsystem/stiefel-network\n" +
        "Nice=10\nRestart=on-failure\nRestartSec=60\n",
      "/run/systemd/system/sysinit.target.d/stiefel-keep-link.conf": "[Unit]\nWants=stiefel-keep-link.service\n",
      "/run/systemd/system/multi-user.target.d/stiefel-network.conf": "[Unit]\nWants=stiefel-network.service\n",
      "/run/systemd/system/suspend-then-hibernate.target": "",
      "/run/systemd/system/suspend.target": "",
      "/run/systemd/system/swap.d/50-stiefelsystem.conf": "[Unit]\nConditionPathExists=/run/stiefelsystem/allow-swap\n",
      "/run/systemd/system/systemd-cryptsetup@.service.d/50-stiefelsystem.conf": condition("mapping %I"),
      "/run/systemd/system/systemd-makefs@.service.d/50-stiefelsystem.conf": condition("attached %f"),
      "/run/systemd/system/systemd-mkswap@.service.d/50-stiefelsystem.conf": condition("attached %f"),
      "/run/systemd/system/systemd-pstore.service": "",
      "/run/systemd/system/zfs-import-scan.service": "",
      "/run/udev/rules.d/62-stiefelsystem-disks.rules": `SUBSYSTEM!="block", GOTO="stiefelsystem_end"
KERNEL=="nbd0|nbd0p*|dm-*|md*", OPTIONS+="link_priority=200"
KERNEL!="nbd0|nbd0p*|dm-*|md*", ENV{ID_FS_USAGE}=="raid", ENV{ID_FS_TYPE}=""
LABEL="stiefelsystem_end"
`,
    });
    assert.deepEqual(machine.calls(), ["mount -o bind /run/stiefelsystem/lvm-devices /mnt/etc/lvm/devices"]);
  });

  for (
    const { what, fstab, isAsked } of [
      {
        what: "by UUID and volume",
        fstab: "UUID=1-2 / ext4\n/dev/mapper/a-b /home xfs\ntmpfs /tmp tmpfs\n",
        isAsked: false,
      },
      { what: "by its kind", fstab: "UUID=1-2 / ext4\n  /dev/sda3 /srv ext4 defaults 0 2\n", isAsked: true },
      {
        what: "by its place, in a last line without an end",
        fstab: "/dev/disk/by-path/pci-1 /srv ext4",
        isAsked: true,
      },
    ]
  ) {
    Deno.test(`a check of a file system asks where fstab names a device ${what}: ${isAsked}${under}`, async () => {
      await using machine = await makeMachine({ session: text, links });
      machine.write("/mnt/usr/lib/systemd/systemd", "");
      machine.write("/mnt/etc/fstab", fstab);
      const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
      assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
      assert.equal(
        machine.files("/run")["/run/systemd/system/systemd-fsck@.service.d/50-stiefelsystem.conf"],
        isAsked ? condition("named %f") : undefined,
      );
    });
  }

  Deno.test(`L2: prepare hides the desktop's firmware variables, and gives the disk the laptop's names${under}`, async () => {
    await using machine = await makeMachine({ session: text, links });
    machine.write("/sys/firmware/efi/efivars/Boot0000-8be4df61", "");
    machine.write(
      "/mnt/etc/stiefelsystem/laptop",
      [
        "LINK=0 disk/by-id/nvme-Maker_Model_Serial",
        "LINK=12 disk/by-path/pci-0000:01:00.0-nvme-1-part12",
        'LINK=1 disk/by-id/x", RUN+="/bin/false',
        "LINK=0 ../etc/passwd",
        "",
      ].join("\n"),
    );
    const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(machine.calls(), [
      "mount -t tmpfs -o ro,nosuid,nodev,noexec,size=4k stiefelsystem /sys/firmware/efi/efivars",
    ]);
    const rules = machine.read("/run/udev/rules.d/62-stiefelsystem-disks.rules").split("\n");
    assert.deepEqual(rules.filter((line) => line.includes("SYMLINK") || line.includes("RUN")), [
      'KERNEL=="nbd0", SYMLINK+="disk/by-id/nvme-Maker_Model_Serial"',
      'KERNEL=="nbd0p12", SYMLINK+="disk/by-path/pci-0000:01:00.0-nvme-1-part12"',
    ]);
  });

  for (
    const [line, record, own] of [
      [
        "root=UUID=1 ro quiet init_on_free=1 noresume",
        "WORD=resume=UUID=4\nWORD=ip=dhcp\n",
        "root=UUID=1 ro quiet resume=UUID=4 ip=dhcp",
      ],
      ["root=UUID=1 ro noresume -- single", "WORD=resume=UUID=4\n", "root=UUID=1 ro resume=UUID=4 -- single"],
      ["root=UUID=1 ro init_on_free=1 noresume", "", "root=UUID=1 ro"],
      ["a init_on_free=1 noresume", "WORD=init_on_free=1\n", "a init_on_free=1"],
    ] as const
  ) {
    Deno.test(`L2: new boot entries of the laptop get its own command line: ${own}${under}`, async () => {
      await using machine = await makeMachine({ session: text, links });
      machine.write("/proc/cmdline", `${line}\n`);
      if (record !== "") machine.write("/mnt/etc/stiefelsystem/laptop", record);
      const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
      assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
      assert.equal(machine.read("/run/stiefelsystem/cmdline"), `${own}\n`);
      assert.deepEqual(machine.calls(), ["mount -o bind /run/stiefelsystem/cmdline /proc/cmdline"]);
    });
  }

  for (
    const [name, guest, own, hosts] of [
      ["laptop", 1, "laptop-try", "127.0.1.1 laptop-try laptop-try"],
      ["laptop.example.org", 2, "laptop-try-2.example.org", "127.0.1.1 laptop-try-2.example.org laptop-try-2"],
      ["# a comment\n\nx".concat("y".repeat(62)), 3, `x${"y".repeat(56)}-try-3`, ""],
    ] as const
  ) {
    Deno.test(`a guest has a name, an id and keys of its own: ${own}${under}`, async () => {
      const session = formatSession({ ...direct, mode: { kind: "try", guest } });
      await using machine = await makeMachine({ session, links });
      machine.write("/mnt/usr/lib/systemd/systemd", "");
      machine.write("/mnt/etc/hostname", `${name}\n`);
      machine.write("/mnt/etc/machine-id", "11111111111111111111111111111111\n");
      if (hosts !== "") machine.write("/mnt/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 laptop");
      machine.write("/proc/sys/kernel/random/uuid", "5a1ef1e5-0000-4000-8000-0123456789ab\n");
      machine.write("/proc/sys/kernel/hostname", "(none)\n");
      const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
      assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
      const run = "/run/stiefelsystem";
      assert.equal(machine.read(`${run}/hostname`), `${own}\n`);
      assert.equal(machine.read("/proc/sys/kernel/hostname"), `${own}\n`);
      assert.equal(machine.read(`${run}/machine-id`), "5a1ef1e50000400080000123456789ab\n");
      if (hosts !== "") {
        assert.equal(machine.read(`${run}/hosts`), `127.0.0.1 localhost\n127.0.1.1 laptop\n${hosts}\n`);
      }
      assert.deepEqual(machine.calls(), [
        `mount -o bind ${run}/hostname /mnt/etc/hostname`,
        ...hosts === "" ? [] : [`mount -o bind ${run}/hosts /mnt/etc/hosts`],
        `mount -o bind ${run}/machine-id /mnt/etc/machine-id`,
      ]);
      const units = machine.files("/run/systemd/system");
      for (const [target, unit] of [["multi-user", "stiefel-guest"], ["sysinit", "stiefel-host-keys"]]) {
        const wish = units[`/run/systemd/system/${target}.target.d/${unit}.conf`];
        assert.equal(wish, `[Unit]\nWants=${unit}.service\n`);
      }
      assert.match(
        units["/run/systemd/system/stiefel-host-keys.service"] ?? "",
        /^Before=ssh\.service sshd\.service /m,
      );
      assert.match(machine.read("/run/motd.d/stiefelsystem-try"), /^TRY MODE: all that is changed here is thrown away/);
      assert.match(machine.read("/run/issue.d/stiefelsystem-try.issue"), /^TRY MODE/);
      // Nothing is written to the system itself.
      assert.equal(machine.read("/mnt/etc/hostname"), `${name}\n`);
    });
  }

  Deno.test(`a guest makes SSH host keys of its own, and none of the laptop's is left${under}`, async () => {
    const session = formatSession({ ...direct, mode: { kind: "try", guest: 1 } });
    await using machine = await makeMachine({ session, links });
    machine.write("/mnt/usr/lib/systemd/systemd", "");
    assert.equal((await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root])).code, 0);
    const unit = machine.read("/run/systemd/system/stiefel-host-keys.service");
    const command = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(unit)?.[1];
    assert.ok(command !== undefined, unit);
    for (const name of ["ssh_host_ed25519_key", "ssh_host_dsa_key", "ssh_host_ed25519_key-cert.pub"]) {
      machine.write(`/etc/ssh/${name}`, "the laptop's");
    }
    machine.write("/etc/ssh/sshd_config", "the laptop's");
    const here = command.replaceAll("/etc/ssh/", `${machine.root}/etc/ssh/`).replace("-A", `-A -f ${machine.root}`);
    const made = await machine.run([...shell, "-c", here]);
    assert.equal(made.code, 0, made.stderr);
    const { "/etc/ssh/sshd_config": config, ...keys } = machine.files("/etc/ssh");
    assert.equal(config, "the laptop's");
    assert.ok(Object.keys(keys).length >= 4, "OpenSSH has made its kinds of keys");
    for (const [name, text] of Object.entries(keys)) {
      assert.match(text, name.endsWith(".pub") ? /^(?:ssh-|ecdsa-)/ : /^-----BEGIN OPENSSH PRIVATE KEY-----/, name);
    }
  });

  Deno.test(`half a mode is no session${under}`, async () => {
    const session = formatSession({ ...direct, mode: { kind: "try", guest: 1 } });
    for (const half of [session.replace(/STIEFEL_MODE_GUEST.*\n/, ""), session.replace(/STIEFEL_MODE_KIND.*\n/, "")]) {
      await using machine = await makeMachine({ session: half, links });
      const result = await machine.run([...shell, script, "attach", machine.root]);
      assert.deepEqual([result.code, machine.calls()], [2, []]);
      assert.match(result.stderr, /The session file is incomplete/);
    }
  });

  Deno.test(`prepare leaves no sign of systemd for another init${under}`, async () => {
    await using machine = await makeMachine({ session: text, links });
    const result = await machine.run([...shell, script, "prepare", `${machine.root}/mnt`, machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    assert.ok(!machine.exists("/run/systemd"));
  });

  Deno.test(`prepare without a session touches nothing${under}`, async () => {
    await using machine = await makeMachine({ links });
    const result = await machine.run([...shell, script, "prepare", "/mnt", machine.root]);
    assert.deepEqual(result, { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(machine.calls(), []);
    assert.ok(!machine.exists("/run"));
  });

  Deno.test(`move-dev does what the script of udev has not done${under}`, async () => {
    await using machine = await makeMachine({ session: text, links });
    machine.write("/dev/console", "");
    const moveDev = [...shell, script, "move-dev", `${machine.root}/mnt`, machine.root];
    const result = await machine.run(moveDev);
    assert.equal(result.code, 0);
    assert.match(result.stderr, /^stiefelsystem: udev has not moved/);
    assert.deepEqual(machine.calls(), ["mount -n -o move /dev /mnt/dev"]);
    assert.equal(Deno.readLinkSync(`${machine.root}/dev`), `${machine.root}/mnt/dev`);
    assert.deepEqual(await machine.run(moveDev), { code: 0, stdout: "", stderr: "" });
    assert.equal(machine.calls().length, 1);
  });

  Deno.test(`move-dev that fails leaves /dev${under}`, async () => {
    await using machine = await makeMachine({ session: text, links, programs: { mount: "exit 1" } });
    machine.write("/dev/console", "");
    const result = await machine.run([...shell, script, "move-dev", `${machine.root}/mnt`, machine.root]);
    assert.equal(result.code, 1);
    assert.deepEqual(machine.calls(), ["mount -n -o move /dev /mnt/dev", "mount -n --move /dev /mnt/dev"]);
    assert.ok(machine.exists("/dev/console"));
  });

  for (const args of [[], ["detach"], ["prepare"], ["move-dev"]]) {
    Deno.test(`"stiefel-attach ${args.join(" ")}" is wrong usage${under}`, async () => {
      await using machine = await makeMachine({});
      const result = await machine.run([...shell, script, ...args]);
      assert.equal(result.code, 2);
      assert.match(result.stderr, /^usage: stiefel-attach attach/);
    });
  }
}
