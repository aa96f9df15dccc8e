import assert from "node:assert/strict";
import { formatQemuArguments, needsListenerFirst, parseQemuVersion, type QemuHost, type VmSpec } from "./vm_spec.ts";
import { desktopSpec, laptopSpec, localSpec } from "./machine_pair.ts";
import { ownLaptopSpec } from "../../tests/support/own_laptop.ts";

const bookworm: QemuHost = { accelerator: "tcg", version: { major: 7, minor: 2 } };
const trixie: QemuHost = { accelerator: "kvm", version: { major: 10, minor: 0 } };
const image = { kernelPath: "/build/kernel", initrdPath: "/build/initrd" };
const settings = {
  image,
  diskPath: "/run/disk.img",
  serverMemoryMiB: 768,
  clientMemoryMiB: 1024,
  console: "pipe",
} as const;

/** One option a line, as in the golden file. */
function formatForReading(argv: readonly string[]): string {
  return argv.join(" ").replaceAll(/ (?=-)/g, "\n    ") + "\n";
}

Deno.test("the command lines of the machines are those of the golden file", async () => {
  const shown = [
    ["laptop, Debian 12", formatQemuArguments(laptopSpec(settings, ["stiefel.on_end=poweroff"]), bookworm)],
    [
      "laptop in its own system",
      formatQemuArguments(
        ownLaptopSpec({ diskPath: "/run/laptop.img", projectDiskPath: "/run/project.img", memoryMiB: 1024 }),
        bookworm,
      ),
    ],
    [
      "laptop in its own system, started by UEFI firmware with Secure Boot",
      formatQemuArguments(
        ownLaptopSpec({
          diskPath: "/run/laptop.img",
          projectDiskPath: "/run/project.img",
          memoryMiB: 1024,
          firmware: {
            codePath: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
            variablesPath: "/run/laptop.uefi-variables",
          },
        }),
        bookworm,
      ),
    ],
    ["desktop, Debian 12", formatQemuArguments(desktopSpec(settings, { "stiefel.demo": "poweroff" }), bookworm)],
    ["desktop, Debian 13 with KVM", formatQemuArguments(desktopSpec(settings), trixie)],
    ["desktop, arm64", formatQemuArguments(desktopSpec({ ...settings, architecture: "arm64" }), bookworm)],
    [
      "desktop, arm64, started by UEFI firmware",
      formatQemuArguments({
        ...desktopSpec({ ...settings, architecture: "arm64" }),
        firmware: { codePath: "/usr/share/AAVMF/AAVMF_CODE.fd", variablesPath: "/run/desktop.uefi-variables" },
        boot: { kind: "disk" },
      }, bookworm),
    ],
    ["desktop on a terminal", formatQemuArguments(desktopSpec({ ...settings, console: "terminal" }), trixie)],
    [
      "local boot, controlled",
      formatQemuArguments({
        ...localSpec({ image, commandLine: "root=UUID=1 ro", diskPath: "/run/disk.img", memoryMiB: 768 }),
        controlPath: "/run/local.control",
        rawLogPath: "/run/local.raw.log",
      }, trixie),
    ],
  ] as const;
  const text = shown.map(([title, argv]) => `# ${title}\n${formatForReading(argv)}`).join("\n");
  const path = new URL("../../tests/golden/qemu_arguments.txt", import.meta.url);
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(path, text);
  assert.equal(text, await Deno.readTextFile(path));
});

Deno.test("commas in values are doubled, for QEMU separates options with them", () => {
  const spec: VmSpec = {
    ...laptopSpec(settings),
    disks: [{ path: "/a,b/disk.img", format: "raw" }],
    credentials: { "stiefel.demo": "one,two" },
  };
  const argv = formatQemuArguments(spec, bookworm);
  assert.ok(argv.some((word) => word.endsWith("file=/a,,b/disk.img")));
  assert.ok(argv.includes("type=11,value=io.systemd.credential:stiefel.demo=one,,two"));
});

Deno.test("a cable that finds its other end again is asked for where QEMU can do it, in that version's words", () => {
  const options = (major: number, minor: number): string => {
    const argv = formatQemuArguments(desktopSpec(settings), { accelerator: "tcg", version: { major, minor } });
    return argv[argv.indexOf("-netdev") + 1] ?? "";
  };
  assert.doesNotMatch(options(7, 2), /reconnect/);
  assert.match(options(8, 0), /,reconnect=1$/);
  assert.match(options(9, 1), /,reconnect=1$/);
  assert.match(options(9, 2), /,reconnect-ms=1000$/);
  assert.match(options(10, 0), /,reconnect-ms=1000$/);
  assert.equal(needsListenerFirst(bookworm), true);
  assert.equal(needsListenerFirst(trixie), false);
});

Deno.test("a card that can be unplugged has a slot of its own", () => {
  const { links, ...rest } = desktopSpec(settings);
  const slot = { bus: "dock", device: "dock-card" };
  const text = formatForReading(
    formatQemuArguments({ ...rest, links: links.map((link) => ({ ...link, slot })) }, trixie),
  );
  assert.match(text, /-device pcie-root-port,id=dock\n +-device virtio-net-pci,.*,bus=dock,id=dock-card$/m);
});

Deno.test("a disk of 4096-byte blocks says so to its machine", () => {
  const argv = formatQemuArguments(
    { ...laptopSpec(settings), disks: [{ path: "d", format: "qcow2", logicalBlockSizeBytes: 4096 }] },
    bookworm,
  );
  assert.ok(argv.includes("virtio-blk-pci,drive=disk0,logical_block_size=4096,physical_block_size=4096"));
});

Deno.test("the version is read from QEMU's own words", () => {
  const cases = [
    ["QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright", { major: 7, minor: 2 }],
    ["QEMU emulator version 10.0.3 (Debian 1:10.0.3+ds-0+deb13u1)", { major: 10, minor: 0 }],
    ["something else", undefined],
  ] as const;
  for (const [text, version] of cases) assert.deepEqual(parseQemuVersion(text), version);
});

Deno.test("a machine that starts over the network has the card's own program with a BIOS only", () => {
  const network = { ...desktopSpec(settings), boot: { kind: "network" } } as const;
  const firmware = { codePath: "code", variablesPath: "variables" };
  const card = (spec: VmSpec): string => formatQemuArguments(spec, trixie).find((word) => /netdev=/.test(word)) ?? "";
  assert.match(card(network), /,bootindex=0$/);
  assert.match(card({ ...network, firmware }), /,bootindex=0,romfile=$/);
  assert.match(card(desktopSpec(settings)), /f2,romfile=$/);
  const byHttp = formatQemuArguments({ ...network, boot: { kind: "network", uefiBy: "http" }, firmware }, trixie);
  assert.ok(byHttp.includes("name=opt/org.tianocore/IPv4PXESupport,string=no"));
});
