import assert from "node:assert/strict";
import { judgeKernel } from "../../lib/boot/kernel_trust.ts";
import { welcome } from "../../tests/support/protocol_samples.ts";
import { formatStartPage, type PageFacts } from "./start_page.ts";

const trustedKeys = [{ name: "Debian Secure Boot CA", id: "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1" }];

function pageOf(change: Partial<PageFacts> = {}): string {
  const facts = {
    desktop: {
      firmware: "UEFI" as const,
      isSecureBoot: true,
      lockdown: "integrity",
      trustedKeys,
      memoryBytes: 16_640_000_000,
      missingFirmware: [{ driver: "r8169", file: "rtl_nic/rtl8168g-3.fw" }],
    },
    links: [
      { name: "enp2s0", hasCarrier: true, speed: 2500, driver: "r8169" },
      { name: "enp1s0", hasCarrier: false, driver: "igc" },
    ],
    key: { fingerprint: "1a2b-3c4d-5e6f-7081" },
    laptopName: "thinkpad",
    welcome,
    ...change,
  };
  return formatStartPage({ ...facts, trust: judgeKernel(facts.desktop, facts.welcome.kernelSignature) }).join("\n");
}

const unseen = { lockdown: undefined, trustedKeys: undefined };
const { kernelSignature: _, ...silent } = welcome;

const golden: readonly (readonly [name: string, page: string, wanted: string])[] = [
  [
    "a desktop with Secure Boot, and a laptop that it may start",
    pageOf(),
    `This desktop
  firmware      UEFI, Secure Boot on, kernel locked down (integrity)
  memory        16.6 GB
  key           1a2b-3c4d-5e6f-7081
  enp2s0        2500 Mbit/s, driver r8169
  enp1s0        no cable, driver igc
  no firmware   rtl_nic/rtl8168g-3.fw, for r8169 (package firmware-realtek)
The laptop "thinkpad"
  disk          Example NVMe 2280, 2.1 GB (nvme0n1)
  its kernel    signed by "Debian Secure Boot CA", trusted here
  passphrase    is not needed before the start`,
  ],
  [
    "a desktop of which nothing was seen, and a laptop with an encrypted /boot",
    pageOf({
      desktop: unseen,
      links: [],
      welcome: { ...silent, needsPassphrase: true, disk: { name: "sda", sizeBytes: 512_110_190_592 } },
    }),
    `This desktop
  firmware      ?, Secure Boot ?
  memory        ?
  key           1a2b-3c4d-5e6f-7081
The laptop "thinkpad"
  disk          512 GB (sda)
  its kernel    not known before the passphrase
  passphrase    is needed for its disk`,
  ],
  [
    "a BIOS, links of which little is known, and a kernel that nobody has signed",
    pageOf({
      desktop: { ...unseen, firmware: "BIOS", memoryBytes: 2_000_000_000, missingFirmware: [] },
      links: [{ name: "eth0", hasCarrier: true }, { name: "eth1", hasCarrier: false }],
      welcome: { ...welcome, kernelSignature: { kind: "none" } },
    }),
    `This desktop
  firmware      BIOS
  memory        2.0 GB
  key           1a2b-3c4d-5e6f-7081
  eth0          ? Mbit/s, driver ?
  eth1          no cable, driver ?
The laptop "thinkpad"
  disk          Example NVMe 2280, 2.1 GB (nvme0n1)
  its kernel    not signed
  passphrase    is not needed before the start`,
  ],
  [
    "a laptop with a key of its own on the stick",
    pageOf({ key: { fingerprint: "1a2b-3c4d-5e6f-7081", name: "bell" } }).split("\n")[3] ?? "",
    "  key           1a2b-3c4d-5e6f-7081 (bell)",
  ],
  [
    "another distribution",
    pageOf({
      welcome: { ...welcome, kernelSignature: { kind: "signed", names: ["Fedora Secure Boot CA"], keyIds: [] } },
    })
      .split("\n").at(-2) ?? "",
    `  its kernel    signed by "Fedora Secure Boot CA", not trusted here`,
  ],
  [
    "Secure Boot that is on, and a kernel that is not locked down",
    pageOf({ desktop: { ...unseen, firmware: "UEFI", isSecureBoot: true } }).split("\n").at(-2) ?? "",
    `  its kernel    signed by "Debian Secure Boot CA"`,
  ],
];

for (const [name, page, wanted] of golden) {
  Deno.test(`the page before the start: ${name}`, () => assert.equal(page, wanted));
}

Deno.test("the page fits 80 columns and 25 lines, however much there is to say", () => {
  const long = "x".repeat(64);
  const page = pageOf({
    desktop: {
      firmware: "UEFI",
      isSecureBoot: false,
      lockdown: "confidentiality",
      trustedKeys,
      memoryBytes: 1e15,
      missingFirmware: Array.from({ length: 20 }, (_, index) => ({ driver: "bnx2x", file: `${index}/${long}.fw` })),
    },
    links: Array.from(
      { length: 12 },
      (_, index) => ({ name: `enp10${index}s0f0np0`, hasCarrier: true, speed: 100_000 }),
    ),
    laptopName: `${long} ${long}`.slice(0, 64),
    welcome: {
      kind: "welcome",
      needsPassphrase: true,
      disk: { model: long, name: long, sizeBytes: 8e12 },
      kernelSignature: { kind: "signed", names: [`${long}${long}`], keyIds: [] },
    },
  });
  const lines = page.split("\n");
  assert.ok(lines.length < 25, page);
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.match(page, /and 8 more network cards/);
  assert.match(page, /and 18 more missing files/);
  assert.ok(page.replaceAll(/\s/g, "").includes(`"${long}${long}"`), "all of a long name is there");
});
