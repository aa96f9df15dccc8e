/** A laptop that serves, as facts, for tests of what it shows. */
import type { StatusFacts } from "../../agents/server/status_report.ts";

const sinceMs = Date.UTC(2026, 10, 30, 8, 0, 0);
const lending: NonNullable<StatusFacts["lending"]> = {
  lease: { holder: { name: "desk", mac: "02:00:00:00:00:02", address: "fe80::2" }, sinceMs },
  transport: "nvme-tcp",
  isEncrypted: true,
  desktopAddress: "fd01:203:405:607::2",
  linkName: "enp2s0",
  disk: "/dev/nvme0n1",
  isConnected: true,
};

export const lentFacts: StatusFacts = {
  name: "thinkpad",
  version: "0.1.0",
  isFree: false,
  guests: [],
  life: {
    phase: {
      kind: "lent",
      client: { name: "desk", mac: "02:00:00:00:00:02", address: "fe80::2" },
      sinceMs,
    },
    disk: { path: "/dev/nvme0n1", model: "Samsung SSD 980", sizeBytes: 1_000_204_886_016 },
  },
  lending,
  diskErrors: 0,
  reading: {
    measures: {
      takenMs: 10_000,
      disk: { readBytes: 7_300_000_000, writtenBytes: 1_200_000_000 },
      link: { speedMbps: 2500, receiveErrors: 0, transmitErrors: 0 },
    },
    rates: { readBytesPerSecond: 213_000_000, writtenBytesPerSecond: 4_100_000 },
  },
  onEnd: "reboot",
  power: { kind: "mains" },
  listening: ["enp2s0", "enp1s0"],
  wallClockMs: sinceMs + 7_512_000,
};

export const waitingFacts: StatusFacts = {
  ...lentFacts,
  isFree: true,
  life: { phase: { kind: "waiting" } },
  lending: undefined,
  reading: { measures: { takenMs: 0 } },
};

const guest: typeof lending = {
  ...lending,
  lease: { ...lending.lease, isGuest: true },
  store: { usedBytes: 1_450_000_000, sizeBytes: 2_000_000_000, isFull: false },
};

/** Two desktops try its system. */
export const guestFacts: StatusFacts = {
  ...lentFacts,
  life: {
    ...lentFacts.life,
    phase: {
      kind: "lent",
      client: { name: "desk", mac: "02:00:00:00:00:02", address: "fe80::2" },
      sinceMs,
      isGuest: true,
    },
  },
  lending: guest,
  guests: [
    guest,
    {
      ...guest,
      lease: {
        holder: { name: "den", mac: "02:00:00:00:00:03", address: "fe80::3" },
        sinceMs: sinceMs + 60_000,
        isGuest: true,
      },
      store: { usedBytes: 900_000_000, sizeBytes: 900_000_000, isFull: true },
      isConnected: false,
    },
  ],
};

/** All that can be wrong at once. */
export const troubledFacts: StatusFacts = {
  ...lentFacts,
  life: {
    ...lentFacts.life,
    phase: {
      kind: "lost",
      client: { name: "<script>alert(1)</script>", mac: "02:00:00:00:00:02", address: "fe80::2" },
      sinceMs,
      reason: 'nbdkit was "killed" & gone\n\x1b[2J',
    },
  },
  lending: { ...lending, isConnected: false },
  diskErrors: 3,
  reading: {
    measures: { takenMs: 10_000, link: { receiveErrors: 2, transmitErrors: 5 } },
  },
  power: { kind: "battery", percent: 12 },
  listening: [],
};
