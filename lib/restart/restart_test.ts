import assert from "node:assert/strict";
import type { AutokexecSettings } from "../formats/autokexec_settings.ts";
import type { System } from "../system/system.ts";
import { StoppedByUser } from "../errors.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { loadImage, reloadIfChanged } from "./restart.ts";
import { findObstacle, isGoingOn, shutDownIntoKernel } from "./shut_down.ts";

const options = { directory: "/run/stiefel-handover", say: () => {} };

const settings: AutokexecSettings = {
  version: 1,
  listens: true,
  macs: [],
  kernel: "/x/kernel",
  initrd: "/x/initrd",
  commandLine: "stiefel.role=server",
  countdownSeconds: 10,
};

interface Facts {
  /** Content of /sys/kernel/kexec_loaded once loaded; undefined: no such file. */
  readonly loaded?: string | undefined;
  readonly disabled?: string;
  readonly lockdown?: string;
  readonly kexecExit?: number;
  readonly hasFiles?: boolean;
  readonly availableKiB?: number;
  /** What and mode of a lock. */
  readonly inhibitor?: readonly [what: string, mode: string];
}

function laptop(facts: Facts): MemorySystem {
  const { loaded = "1", disabled = "0", kexecExit = 0, hasFiles = true, availableKiB = 4_000_000 } = facts;
  const files: Readonly<Record<string, string | undefined>> = {
    "/sys/kernel/kexec_loaded": "loaded" in facts && facts.loaded === undefined ? undefined : loaded,
    "/proc/sys/kernel/kexec_load_disabled": disabled,
    "/sys/kernel/security/lockdown": facts.lockdown,
    "/proc/meminfo": `MemAvailable:   ${availableKiB} kB`,
  };
  return createMemorySystem({
    commands: [
      ([program, path = ""]) => program === "cat" ? files[path] === undefined ? 1 : `${files[path]}\n` : undefined,
      ([program]) => program === "busctl" ? formatInhibitors(facts.inhibitor) : undefined,
      ([program]) => program === "stat" ? hasFiles ? "12000000\n70000000\n" : 1 : undefined,
      ([program]) => program === "kexec" ? kexecExit : program === "systemctl" ? 0 : undefined,
    ],
  });
}

/** As busctl of systemd 257 prints it; without logind it fails. */
function formatInhibitors(inhibitor: Facts["inhibitor"]): string | number {
  if (inhibitor === undefined) return 1;
  const [what, mode] = inhibitor;
  const others = ["sleep", "NetworkManager", "NetworkManager needs to turn off networks", "delay", 0, 700];
  return JSON.stringify({ type: "a(ssssuu)", data: [[others, [what, "PackageKit", "Package Update", mode, 0, 812]]] });
}

const ranKexec = (system: MemorySystem): boolean => system.ran.some(([program]) => program === "kexec");

Deno.test("the image is loaded with the command line of the settings", async () => {
  const system = laptop({});
  await loadImage(system, settings, options);
  assert.deepEqual(system.ran.find(([program]) => program === "kexec"), [
    "kexec",
    "--load",
    "--kexec-syscall",
    "--no-checks",
    "--initrd=/x/initrd",
    "--command-line=stiefel.role=server",
    "/x/kernel",
  ]);
});

Deno.test("restart refuses what cannot work before anything is loaded", async () => {
  for (
    const [facts, message] of [
      [{ loaded: undefined }, /its kernel has no kexec/],
      [{ disabled: "1" }, /switched off until the next start/],
      [{ hasFiles: false }, /"stat" exited with status 1/],
      [{ availableKiB: 100_000 }, /Not enough memory/],
      [{ inhibitor: ["sleep:shutdown", "block"] }, /"PackageKit" blocks a shutdown now: Package Update/],
    ] satisfies readonly (readonly [Facts, RegExp])[]
  ) {
    const system = laptop(facts);
    await assert.rejects(loadImage(system, settings, options), message);
    assert.ok(!ranKexec(system), String(message));
  }
});

Deno.test("a kernel that refuses the image is explained by its lockdown, if that is so", async () => {
  await assert.rejects(loadImage(laptop({ kexecExit: 255 }), settings, options), /"kexec" exited with status 255/);
  const locked = laptop({ kexecExit: 255, lockdown: "none [integrity] confidentiality" });
  await assert.rejects(loadImage(locked, settings, options), /locked down \(integrity, Secure Boot\)/);
  await assert.rejects(loadImage(laptop({ loaded: "0" }), settings, options), /kexec_loaded is not 1/);
});

Deno.test("locks that only delay a shutdown, or are about something else, are no obstacle", async () => {
  for (const inhibitor of [["shutdown", "delay"], ["handle-power-key", "block"]] as const) {
    const system = laptop({ inhibitor });
    await loadImage(system, settings, options);
    assert.ok(ranKexec(system));
  }
});

Deno.test("a laptop without obstacles has none", async () => {
  assert.equal(await findObstacle(laptop({})), undefined);
});

Deno.test("a system goes on only when it surely says so", async () => {
  for (
    const [answer, wanted] of [
      ["running\n", true],
      ["degraded\n", true],
      ["stopping\n", false],
      ["offline\n", false],
      ["", false],
    ] as const
  ) {
    assert.equal(await isGoingOn(createMemorySystem({ commands: [() => answer] })), wanted, answer);
  }
});

Deno.test("nothing is shut down when the loaded image is gone, and a shutdown that does not come is an error", async () => {
  const gone = laptop({ loaded: "0" });
  await assert.rejects(shutDownIntoKernel(gone), /nothing is shut down/);
  assert.ok(!gone.ran.some(([program]) => program === "systemctl"));
  const stuck = laptop({});
  const failed = assert.rejects(shutDownIntoKernel(stuck), /did not shut down within 10 minutes/);
  for (let turns = 0; turns < 50; turns++) await Promise.resolve();
  assert.deepEqual(stuck.ran.at(-1), ["systemctl", "kexec"]);
  stuck.advance(10 * 60_000);
  await failed;
});

Deno.test("a shutdown that has begun ends the program and takes nothing back; one that has not is an error", async () => {
  for (const [state, isStopped] of [["stopping\n", true], ["running\n", false]] as const) {
    const stop = new AbortController();
    const system: System = {
      ...createMemorySystem({
        commands: [
          ([program, path]) => program === "cat" ? path === "/sys/kernel/kexec_loaded" ? "1\n" : 1 : undefined,
          ([program]) => program === "busctl" ? formatInhibitors(undefined) : undefined,
          ([program, word]) => program !== "systemctl" ? undefined : word === "kexec" ? 0 : state,
        ],
      }),
      delay: () => {
        stop.abort(new StoppedByUser());
        return Promise.reject(stop.signal.reason);
      },
    };
    const leaving = shutDownIntoKernel(system);
    if (isStopped) await leaving;
    else await assert.rejects(leaving, StoppedByUser);
  }
});

interface HandoverFacts {
  readonly availableKiB?: number;
  /** Exit statuses of kexec --load, one after the other; then 0. */
  readonly kexecExits?: readonly number[];
  readonly fileSystem?: string;
  /** Bytes that are missing in the file that was put together. */
  readonly missingBytes?: number;
  readonly stamp?: () => string;
}

/** A laptop with kernel and initramfs for desktops, and a system that says what it loads. */
function fullLaptop(facts: HandoverFacts = {}): { readonly system: MemorySystem; readonly said: string[] } {
  const said: string[] = [];
  const exits = [...facts.kexecExits ?? []];
  let joinedBytes = 0;
  const common = { ro: false, rm: false, "log-sec": 512, size: 5e11 };
  const blockdevices = [{ ...common, name: "sda", path: "/dev/sda", type: "disk", ptuuid: "T1", mountpoints: ["/"] }];
  const texts: Readonly<Record<string, string>> = {
    "/sys/kernel/kexec_loaded": "1",
    "/proc/sys/kernel/kexec_load_disabled": "0",
    "/proc/meminfo": `MemTotal: 16000000 kB\nMemAvailable:   ${facts.availableKiB ?? 4_000_000} kB`,
    "/proc/cmdline": "BOOT_IMAGE=/x root=UUID=1 ro",
    "/boot/stiefelsystem.json": '{"kernel": "/boot/linux-stiefel", "initrd": ["/boot/initramfs-stiefel.img"]}',
  };
  const sizes: Readonly<Record<string, number>> = {
    ...{ "/x/kernel": 12_000_000, "/x/initrd": 70_000_000 },
    ...{ "/boot/linux-stiefel": 11_000_000, "/boot/initramfs-stiefel.img": 40_000_000 },
  };
  const stat = (argv: readonly string[]): string | number => {
    if (argv.includes("--format=%T")) return `${facts.fileSystem ?? "tmpfs"}\n`;
    if (argv.includes("--format=%d %i %s %y %z")) return facts.stamp?.() ?? "as ever";
    const paths = argv.slice(argv.indexOf("--") + 1);
    if (paths[0]?.startsWith(options.directory)) return `${joinedBytes - (facts.missingBytes ?? 0)}\n`;
    const suffix = argv.includes("--format=%s %F") ? " regular file" : "";
    return paths.map((path) => `${sizes[path]}${suffix}\n`).join("");
  };
  const system = createMemorySystem({
    commands: [(argv, { stdin }) => {
      const [program, word = ""] = argv;
      switch (program) {
        case "cat":
          return texts[word] ?? 1;
        case "lsblk":
          return JSON.stringify({ blockdevices });
        case "stat":
          return stat(argv);
        case "dd":
          joinedBytes += word.startsWith("if=") ? sizes[word.slice(3)] ?? 0 : stdin?.length ?? 0;
          return 0;
        case "kexec":
          joinedBytes = 0;
          return exits.shift() ?? 0;
        default:
          return 1;
      }
    }],
  });
  return { system, said };
}

const initrdsOf = (system: MemorySystem): readonly string[] =>
  system.ran.filter(([program]) => program === "kexec").map((argv) =>
    argv.find((word) => word.startsWith("--initrd="))?.slice(9) ?? ""
  );
const joined = "/run/stiefel-handover/initrd";

Deno.test("image and handover are put together in memory, and what was put together goes when it is loaded", async () => {
  const { system, said } = fullLaptop();
  const loaded = await loadImage(system, settings, { ...options, say: (line) => said.push(line) });
  assert.deepEqual(said, [
    "Handed over to the image: this disk, the kernel command line and kernel and initramfs for desktops",
  ]);
  assert.deepEqual(initrdsOf(system), [joined]);
  const copied = system.ran.filter(([program]) => program === "dd").map(([, word]) => word);
  assert.deepEqual(copied.filter((word) => word?.startsWith("if=")), [
    ...["if=/x/initrd", "if=/boot/linux-stiefel", "if=/boot/initramfs-stiefel.img"],
  ]);
  assert.equal(system.files.has(joined), false);
  assert.ok(loaded.gathered !== undefined);
});

Deno.test("less is handed over when memory is short, the kernel takes no more, or there is no memory to do it in", async () => {
  const cases: readonly (readonly [string, HandoverFacts, readonly string[], RegExp])[] = [
    [
      "short memory",
      { availableKiB: 350_000 },
      [joined],
      /are not handed over, memory is short.*\n.*this disk and the kernel/,
    ],
    ["shorter memory", { availableKiB: 200_000 }, ["/x/initrd"], /memory is short/],
    // Each extent with both calls of kexec.
    [
      "everything is too much",
      { kexecExits: [1, 1] },
      [joined, joined, joined],
      /Cannot hand over this disk, .*\n.*: this disk and/,
    ],
    [
      "anything is",
      { kexecExits: [1, 1, 1, 1] },
      [joined, joined, joined, joined, "/x/initrd"],
      /Cannot hand over this disk and/,
    ],
    ["a directory on a disk", { fileSystem: "ext2/ext3" }, ["/x/initrd"], /is ext2\/ext3, wanted tmpfs/],
    ["a file that changes", { missingBytes: 5 }, ["/x/initrd"], /changed while it was handed over/],
  ];
  for (const [what, facts, initrds, words] of cases) {
    const { system, said } = fullLaptop(facts);
    await loadImage(system, settings, { ...options, say: (line) => said.push(line) });
    assert.deepEqual(initrdsOf(system), initrds, what);
    assert.match(said.join("\n"), words, what);
    assert.equal(system.files.has(joined), false, what);
  }
});

Deno.test("an update of what desktops start, during the countdown, is loaded anew", async () => {
  let stamp = "one";
  const { system } = fullLaptop({ stamp: () => stamp });
  const loaded = await loadImage(system, settings, options);
  await reloadIfChanged(system, loaded, settings, options);
  assert.equal(initrdsOf(system).length, 1);
  stamp = "two";
  await reloadIfChanged(system, loaded, settings, options);
  assert.deepEqual(initrdsOf(system), [joined, joined]);
});
