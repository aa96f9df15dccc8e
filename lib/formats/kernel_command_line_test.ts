import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../errors.ts";
import {
  forDesktop,
  formatKernelCommandLine,
  formatStiefelParameters,
  forNextStart,
  isKernelCommandLine,
  type KernelParameter,
  parseKernelCommandLine,
  parseStiefelParameters,
  type StiefelParameters,
} from "./kernel_command_line.ts";

Deno.test("words are split as the kernel splits them", () => {
  // What `next_arg` of lib/cmdline.c (Linux 6.12) makes of each.
  const cases: readonly [string, readonly KernelParameter[]][] = [
    ["", []],
    ["  \t\n ", []],
    ["quiet", [{ name: "quiet" }]],
    ["a=1  b=2", [{ name: "a", value: "1" }, { name: "b", value: "2" }]],
    ["a=", [{ name: "a", value: "" }]],
    ["root=UUID=x-y", [{ name: "root", value: "UUID=x-y" }]],
    ['a="1 2" b', [{ name: "a", value: "1 2" }, { name: "b" }]],
    ['"a=1 2" b', [{ name: "a", value: "1 2" }, { name: "b" }]],
    ['"a b"', [{ name: "a b" }]],
    ['a=1"2 3"4', [{ name: "a", value: '1"2 3"4' }]],
    ['a="1" 2', [{ name: "a", value: "1" }, { name: "2" }]],
    ['a="open end', [{ name: "a", value: "open end" }]],
    ["=x", [{ name: "=x" }]],
    ["=x=y", [{ name: "=x", value: "y" }]],
    ["a -- b=1", [{ name: "a" }, { name: "--" }, { name: "b", value: "1" }]],
    ['dyndbg="file x.c +p; file y.c +p" ro', [{ name: "dyndbg", value: "file x.c +p; file y.c +p" }, { name: "ro" }]],
  ];
  for (const [text, parameters] of cases) assert.deepEqual(parseKernelCommandLine(text), parameters, text);
});

Deno.test("parameters are written with quotes only where needed", () => {
  const cases: readonly [KernelParameter, string][] = [
    [{ name: "quiet" }, "quiet"],
    [{ name: "a", value: "1" }, "a=1"],
    [{ name: "a", value: "" }, "a="],
    [{ name: "a", value: "1 2" }, 'a="1 2"'],
    [{ name: "a b" }, '"a b"'],
    [{ name: "a b", value: "c" }, '"a b=c"'],
  ];
  for (const [parameter, text] of cases) assert.equal(formatKernelCommandLine([parameter]), text);
  for (const value of ['a" b', '"', 'x"y z']) {
    assert.throws(() => formatKernelCommandLine([{ name: "a", value }]), RangeError, value);
  }
});

Deno.test("whatever can be written is read back the same", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "=", '"', " ", "-", "."), maxLength: 6 });
  const parameter = fc.record({ name: word, value: fc.option(word, { nil: undefined }) })
    .map(({ name, value }): KernelParameter => value === undefined ? { name } : { name, value });
  fc.assert(
    fc.property(fc.array(parameter, { maxLength: 4 }), (parameters) => {
      let text: string;
      try {
        text = formatKernelCommandLine(parameters);
      } catch (error) {
        assert(error instanceof RangeError);
        return;
      }
      assert.deepEqual(parseKernelCommandLine(text), parameters);
    }),
    { seed: 4644, numRuns: 2000 },
  );
});

Deno.test("a desktop gets the laptop's command line without what is the laptop's own", () => {
  const cases: readonly [string, string][] = [
    ["", "init_on_free=1 noresume"],
    [
      "BOOT_IMAGE=/vmlinuz-6.12 root=UUID=1 ro  quiet resume=UUID=2 resume_offset=34816",
      "root=UUID=1 ro quiet init_on_free=1 noresume",
    ],
    ["initrd=\\initrd.img root=/dev/mapper/root rw", "root=/dev/mapper/root rw init_on_free=1 noresume"],
    ["initrd=a initrd=b root=x noresume", "root=x init_on_free=1 noresume"],
    ["resume-offset=1 a", "a init_on_free=1 noresume"],
    ['"resume=/dev/x y" a="b c"', 'a="b c" init_on_free=1 noresume'],
    ["a -- resume=no single", "a init_on_free=1 noresume -- resume=no single"],
    ["rd.luks.name=x=root resume_wait=1", "rd.luks.name=x=root resume_wait=1 init_on_free=1 noresume"],
    ["init_on_free=0 a", "init_on_free=0 a noresume"],
    ["init_on_alloc=0", "init_on_alloc=0 noresume"],
    ["a init_on_free=1 noresume", "a init_on_free=1 noresume"],
  ];
  for (const [text, wanted] of cases) assert.equal(forDesktop(text), wanted, text);
});

Deno.test("what sets up links or network disks at the laptop's own boot does not reach the desktop", () => {
  assert.equal(
    forDesktop("root=UUID=x ip=dhcp ipv6.disable=1 nbdroot=192.0.2.1:d ro"),
    "root=UUID=x ro init_on_free=1 noresume",
  );
  assert.equal(
    forDesktop("root=UUID=x rd.neednet=1 netroot=nbd:192.0.2.1:d nfsaddrs=dhcp ro"),
    "root=UUID=x ro init_on_free=1 noresume",
  );
});

Deno.test("our own parameters survive a round trip within any command line", () => {
  const cases: readonly StiefelParameters[] = [
    { role: "server", isDebug: false },
    { role: "client", server: "fe80::1%eth0", isDebug: true },
    { role: "client", server: "laptop.example.org", isDebug: false },
    { role: "client", laptop: "My_laptop_2", isDebug: false },
    { role: "client", stick: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243", isDebug: false },
    { role: "server", listen: "192.0.2.1", onEnd: "poweroff", isDebug: false },
    { role: "server", onEnd: "reboot", clientTimeoutSeconds: 900, isDebug: false },
  ];
  for (const parameters of cases) {
    const text = `quiet ${formatStiefelParameters(parameters)} root=x -- stiefel.role=none`;
    assert.deepEqual(parseStiefelParameters(text), { parameters, unknown: [] });
  }
});

Deno.test("the last of a repeated parameter counts, unknown ones are reported", () => {
  const read = parseStiefelParameters(
    "stiefel.role=client stiefel.role=server stiefel.on-end=wait stiefel.rolle=client stiefel.x",
  );
  assert.deepEqual(read, {
    parameters: { role: "server", onEnd: "wait", isDebug: false },
    unknown: ["stiefel.rolle", "stiefel.x"],
  });
});

Deno.test("a missing role and unacceptable values are refused", () => {
  const bad = [
    "",
    "quiet",
    "stiefel.role",
    "stiefel.role=both",
    "stiefel.role=client stiefel.server=",
    "stiefel.role=client stiefel.laptop",
    "stiefel.role=client stiefel.laptop=",
    "stiefel.role=client stiefel.stick",
    "stiefel.role=client stiefel.stick=0A1B2C3D-4E5F-4A6B-8C7D-9E0F10213243",
    "stiefel.role=client stiefel.stick=/dev/sda3",
    "stiefel.role=client stiefel.server",
    'stiefel.role=client stiefel.server="a b"',
    "stiefel.role=client stiefel.server=-x",
    "stiefel.role=server stiefel.on_end=halt",
    "stiefel.role=server stiefel.debug=1",
    "stiefel.role=server stiefel.client_timeout",
    "stiefel.role=server stiefel.client_timeout=-1",
    "stiefel.role=server stiefel.client_timeout=604801",
    "stiefel.role=server stiefel.client_timeout=15m",
  ];
  for (const text of bad) assert.throws(() => parseStiefelParameters(text), ProtocolError, text);
});

Deno.test("a command line that the kernel would cut is refused", () => {
  assert(isKernelCommandLine("x".repeat(2047)));
  assert(!isKernelCommandLine("x".repeat(2048)));
  assert(!isKernelCommandLine("a\nb"));
});

Deno.test("the running command line is freed of what one start added, and of nothing else", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["BOOT_IMAGE=/vmlinuz-6.12 root=UUID=x ro quiet", "root=UUID=x ro quiet"],
    ["initrd=\\x\\initrd.img-6.12 root=UUID=x rw systemd.machine_id=1f", "root=UUID=x rw systemd.machine_id=1f"],
    ["initrd=/ucode.img initrd=/initramfs.img ro", "ro"],
    ["BOOTIF=01-aa-bb ro kexec_jump_back_entry=0x1 elfcorehdr=0x2 stiefel.role=server stiefel.debug", "ro"],
    ['ro  "dyndbg=file x.c +p"\tx="a b" rd.luks.name=1=root', 'ro "dyndbg=file x.c +p" x="a b" rd.luks.name=1=root'],
    ["resume=/dev/sda3 resume_offset=5 ip=dhcp", "resume=/dev/sda3 resume_offset=5 ip=dhcp"],
    ["ro -- initrd=for-init BOOT_IMAGE=too", "ro -- initrd=for-init BOOT_IMAGE=too"],
    ["initrdx=1 xBOOT_IMAGE=2 stiefel=3", "initrdx=1 xBOOT_IMAGE=2 stiefel=3"],
    ["", ""],
  ];
  for (const [running, wanted] of cases) assert.equal(forNextStart(running), wanted, running);
});
