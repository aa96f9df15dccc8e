import assert from "node:assert/strict";
import { createScriptedUi } from "../../../tests/support/host_rig.ts";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { UserError } from "../../errors.ts";
import { serveNow } from "./serve_now.ts";

interface Facts {
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly uid?: string;
  readonly kexecExit?: number;
  readonly inhibitor?: boolean;
  readonly disabled?: boolean;
  readonly lockdown?: string;
}

const always: Readonly<Record<string, string>> = {
  "/etc/stiefelsystem/config.yaml": "server: {on-end: reboot}\nserver-setup: {cmdline: [quiet]}\n",
  "/run/systemd/system/x": "",
};
const inhibitors = JSON.stringify({
  data: [[["shutdown", "PackageKit", "Package Update", "block", 0, 812]]],
});

function laptop(facts: Facts = {}): MemorySystem {
  const files = Object.entries({ ...always, ...facts.files }).flatMap(([path, text]) =>
    text === undefined ? [] : [[path, text] as const]
  );
  const common = { ro: false, rm: false, "log-sec": 512, size: 5e11, model: "Some SSD", serial: "S1" };
  const blockdevices = [{ ...common, name: "sda", path: "/dev/sda", type: "disk", mountpoints: ["/"] }];
  const texts: Readonly<Record<string, string>> = {
    "/sys/kernel/kexec_loaded": "1",
    "/proc/sys/kernel/kexec_load_disabled": facts.disabled ? "1" : "0",
    ...facts.lockdown === undefined ? {} : { "/sys/kernel/security/lockdown": facts.lockdown },
    "/proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB",
    "/proc/cmdline": "BOOT_IMAGE=/x root=UUID=1 ro",
    "/boot/stiefelsystem.json": '{"kernel": "linux-stiefel", "initrd": ["initramfs-stiefel.img"]}',
  };
  let joinedBytes = 0;
  return createMemorySystem({
    files: Object.fromEntries(files),
    commands: [(argv, { stdin }) => {
      const [program, word = ""] = argv;
      switch (program) {
        case "id":
          return facts.uid ?? "0";
        case "cat":
          return texts[word] ?? 1;
        case "lsblk":
          return JSON.stringify({ blockdevices });
        case "busctl":
          return facts.inhibitor ? inhibitors : 1;
        case "stat":
          if (argv.includes("--format=%T")) return "tmpfs\n";
          if (argv.at(-1)?.startsWith("/run/")) return `${joinedBytes}\n`;
          if (argv.includes("--format=%s %F")) return "1000 regular file\n";
          return argv.slice(argv.indexOf("--") + 1).map(() => "1000\n").join("");
        case "dd":
          joinedBytes += word.startsWith("if=") ? 1000 : stdin?.length ?? 0;
          return 0;
        case "kexec":
          return word === "--load" ? facts.kexecExit ?? 0 : 0;
        default:
          return 0;
      }
    }],
  });
}

const changing = ["mount", "umount", "kexec", "systemctl"];
const didOf = (system: MemorySystem): readonly string[] =>
  system.ran.filter(([program = ""]) => changing.includes(program)).map((argv) => argv.slice(0, 2).join(" "));

Deno.test("P18: serve-now says what happens, asks, loads the image with the handover, and shuts down", async () => {
  const [system, ui] = [laptop(), createScriptedUi(["yes"])];
  const served = serveNow(system, ui).catch((error: unknown) => error);
  // Until the machine would go down, or it has failed.
  let isOver = false;
  void served.then(() => isOver = true);
  while (!isOver && didOf(system).at(-1) !== "systemctl kexec") await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(didOf(system), ["mount -t", "kexec --load", "umount /run/stiefel-handover", "systemctl kexec"]);
  const load = system.ran.find(([program]) => program === "kexec");
  assert.ok(load?.includes("--initrd=/run/stiefel-handover/initrd"));
  assert.ok(
    load?.includes(
      "--command-line=init_on_free=1 quiet stiefel.role=server stiefel.on_end=reboot stiefel.client_timeout=900",
    ),
  );
  const said = ui.said.join("\n");
  assert.match(said, /shuts down as for any restart/);
  assert.match(
    said,
    /When a desktop is done, this computer starts its own system again\.\n.*after 15 min without a desktop/,
  );
  assert.match(said, /To leave before: Ctrl-Alt-Del/);
  assert.match(said, /Handed over to the image: this disk, the kernel command line and kernel and initramfs/);
  assert.deepEqual(ui.questions.map(({ text }) => text), ["Restart as a stiefelsystem server now?"]);
  // It does not come: nothing stays loaded.
  system.advance(10 * 60_000);
  assert.match(String(await served), /did not shut down within 10 minutes/);
  assert.equal(didOf(system).at(-1), "kexec --unload");
});

Deno.test("P18: a no restarts nothing, and a dry run shows what would be handed over", async () => {
  const refused = laptop();
  await assert.rejects(serveNow(refused, createScriptedUi(["skip"])), /Nothing was restarted/);
  assert.deepEqual(didOf(refused), []);
  const [system, ui] = [laptop({ uid: "1000" }), createScriptedUi([])];
  await serveNow(system, ui, { dryRun: true });
  assert.deepEqual(didOf(system), []);
  assert.deepEqual(ui.questions, []);
  assert.deepEqual(ui.said.slice(-7), [
    "image:        /var/local/lib/stiefelsystem/kernel, /var/local/lib/stiefelsystem/initrd",
    "command line: init_on_free=1 quiet stiefel.role=server stiefel.on_end=reboot stiefel.client_timeout=900",
    "hands over:   /dev/sda (Some SSD, S1)",
    "              root=UUID=1 ro",
    "              /boot/linux-stiefel",
    "              /boot/initramfs-stiefel.img",
    "then:         systemctl kexec",
  ]);
});

Deno.test("P18: serve-now reports what stands against it before the question, with a way out", async () => {
  const cases: readonly (readonly [string, Facts, RegExp])[] = [
    ["not set up", { files: { "/etc/stiefelsystem/config.yaml": undefined } }, /not set up/],
    ["on a desktop", { files: { "/run/stiefelsystem/session.state": "" } }, /runs on a desktop/],
    ["without systemd", { files: { "/run/systemd/system/x": undefined } }, /does not run systemd/],
    ["not root", { uid: "1000" }, /takes root/],
    ["a package manager at work", { inhibitor: true }, /"PackageKit" blocks a shutdown now/],
    ["kexec switched off", { disabled: true }, /kexec is switched off/],
  ];
  for (const [what, facts, message] of cases) {
    const [system, ui] = [laptop(facts), createScriptedUi(["yes"])];
    await assert.rejects(serveNow(system, ui), message, what);
    assert.deepEqual([didOf(system), ui.questions], [[], []], what);
  }
});

Deno.test("P18: without systemd it names the commands to type, with this laptop's image and kernel parameters", async () => {
  const files = { "/run/systemd/system/x": undefined };
  const tell = async (
    facts: Facts,
  ): Promise<{ readonly hints: readonly string[]; readonly typed: readonly string[] }> => {
    const ui = createScriptedUi([]);
    const error = await serveNow(laptop(facts), ui).catch((error: unknown) => error);
    assert.ok(error instanceof UserError, String(error));
    const typed = ui.said.filter((line) => line.startsWith("    ")).map((line) => line.split("#")[0]?.trim() ?? "");
    return { hints: error.hints, typed };
  };
  const image = "--initrd=/var/local/lib/stiefelsystem/initrd " +
    "'--command-line=init_on_free=1 quiet stiefel.role=server stiefel.on_end=reboot stiefel.client_timeout=900' " +
    "/var/local/lib/stiefelsystem/kernel";
  assert.deepEqual((await tell({ files })).typed, [
    `kexec --load --kexec-syscall --no-checks ${image}`,
    "telinit 1",
    "umount -a -r",
    "mount -o remount,ro /",
    "kexec --exec",
  ]);
  const lockedDown = await tell({ files, lockdown: "none [integrity] confidentiality" });
  assert.equal(lockedDown.typed[0], `kexec --load --kexec-file-syscall ${image}`);
  // Where the kernel has no kexec, these would lead nowhere.
  const withoutKexec = await tell({ files, disabled: true });
  assert.deepEqual(withoutKexec.typed, []);
  assert.match(withoutKexec.hints.join(), /GRUB's menu.*stick/);
});

Deno.test("P18: an image that the kernel does not take shuts nothing down", async () => {
  const system = laptop({ kexecExit: 255 });
  await assert.rejects(serveNow(system, createScriptedUi(["yes"])), /"kexec" exited with status 255/);
  assert.ok(!didOf(system).includes("systemctl kexec"));
  assert.equal(didOf(system).at(-1), "kexec --unload");
});
