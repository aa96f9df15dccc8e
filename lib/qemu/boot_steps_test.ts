import assert from "node:assert/strict";
import { asLocalBoot, formatBootTable, readBootTimes } from "./boot_steps.ts";

/** Lines of a boot over the network, each a second after the one before. */
const network = [
  "[    0.000000] Linux version 6.12.117+deb13-amd64 (debian-kernel@lists.debian.org)",
  "stiefelsystem: step=agent after=4.20",
  "stiefelsystem: step=serving after=4.30",
  "stiefelsystem: step=found after=5.01",
  "stiefelsystem: step=fetched after=9.99",
  "stiefelsystem: step=kexec after=11.00",
  "[    0.000000] Linux version 6.12.117+deb13-amd64 (debian-kernel@lists.debian.org)",
  "stiefelsystem: The laptop's disk is attached as /dev/nbd0",
  "[   12.345678] EXT4-fs (nbd0p2): mounted filesystem 5a1ef1e5 ro with ordered data mode. Quota mode: none.",
  "[   20.345678] EXT4-fs (nbd0p1): mounted filesystem 5a1ef1e5 r/w with ordered data mode. Quota mode: none.",
  "debian login: stiefel-demo: root=/dev/nbd0p2 fstype=ext4 kernel=6.12.117+deb13-amd64 uptime=31.20",
].map((text, index) => ({ atMs: (index + 1) * 1000, text }));

Deno.test("every step of a boot over the network is found once, at its first line", () => {
  assert.deepEqual(readBootTimes(network), {
    kernel: 1,
    agent: 2,
    found: 4,
    fetched: 5,
    kexec: 6,
    payloadKernel: 7,
    attached: 8,
    root: 9,
    multiUser: 11,
  });
});

Deno.test("a boot that got nowhere has the steps it reached and no others", () => {
  assert.deepEqual(readBootTimes(network.slice(0, 2)), { kernel: 1, agent: 2 });
  assert.deepEqual(readBootTimes([]), {});
});

Deno.test("an agent that is started again does not move its step", () => {
  const again = [...network.slice(0, 2), { atMs: 60_000, text: "stiefelsystem: step=agent after=60.00" }];
  assert.equal(readBootTimes(again).agent, 2);
});

Deno.test("the table puts both boots side by side, with what each step took", () => {
  const ownBoot = readBootTimes([network[0], network[8], network[10]].filter((line) => line !== undefined));
  const local = asLocalBoot({ times: ownBoot });
  assert.deepEqual(local.times, { payloadKernel: 1, root: 9, multiUser: 11 });
  assert.deepEqual(formatBootTable({ times: readBootTimes(network) }, local), [
    "seconds from power-on               at      took  local at      took",
    "image kernel                       1.0       1.0",
    "agent running                      2.0       1.0",
    "laptop found                       4.0       2.0",
    "kernel and initramfs fetched       5.0       1.0",
    "kexec                              6.0       1.0",
    "installed kernel                   7.0       1.0       1.0       1.0",
    "disk attached                      8.0       1.0",
    "root mounted                       9.0       1.0       9.0       8.0",
    "multi-user                        11.0       2.0      11.0       2.0",
  ]);
});

Deno.test("processor time stands beside the clock where it is known", () => {
  const boot = { times: { agent: 2, multiUser: 11 }, desktopProcessor: { agent: 1.5, multiUser: 9 } };
  const laptopProcessor = { agent: 0.1, multiUser: 2 };
  assert.deepEqual(formatBootTable({ ...boot, laptopProcessor }), [
    "seconds from power-on               at      took       cpu  laptop's",
    "agent running                      2.0       2.0       1.5       0.1",
    "multi-user                        11.0       9.0       9.0       2.0",
  ]);
  const local = asLocalBoot({ times: { kernel: 1, multiUser: 8 }, desktopProcessor: { kernel: 0.5, multiUser: 7 } });
  assert.match(formatBootTable(boot, local).at(-1) ?? "", /multi-user +11\.0 +9\.0 +8\.0 +7\.0 +9\.0 +7\.0$/);
});
