import assert from "node:assert/strict";
import {
  createInstalledSystem,
  type InstalledSystem,
  installedSystems,
} from "../../tests/support/installed_systems.ts";
import { projectRoot } from "../../tests/support/source_tree.ts";
import { holdsPassword } from "../config/holds_password.ts";
import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../errors.ts";
import { generators, hookLayers, ownLayers } from "../initramfs/registry.ts";
import { AUTOKEXEC_SETTINGS_PATH, parseAutokexecSettings } from "../formats/autokexec_settings.ts";
import { createRealSystem } from "../system/real.ts";
import { formatMode } from "./file_state.ts";
import { chooseGenerator, gatherHostFacts } from "./host_facts.ts";
import type { Operation } from "./operations/kinds.ts";
import type { Plan } from "./plan.ts";
import { type OverlayFile, readOverlay } from "./overlay.ts";
import { planSetupServer } from "./plan_setup_server.ts";
import type { SetupInputs } from "./setup_inputs.ts";
import { openHostTree } from "./tree.ts";

const goldenDirectory = `${projectRoot}tests/golden/plans/`;
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";

async function inputsFor(installed: InstalledSystem, configText = ""): Promise<SetupInputs> {
  const system = await createInstalledSystem(installed);
  const facts = await gatherHostFacts(system, await openHostTree(system));
  const { config } = await loadConfig(configText, "config.yaml");
  const real = createRealSystem();
  const read = async (names: readonly string[]): Promise<readonly OverlayFile[]> =>
    (await Promise.all(names.map((name) => readOverlay(real, `${projectRoot}image/host/${name}`)))).flat();
  const generator = chooseGenerator(facts, config.modules);
  assert.equal(generator, installed.generator);
  return {
    config,
    facts,
    generator: installed.generator,
    artifacts: {
      kernel: "build/kernel",
      initrd: "build/initrd",
      configText,
      configHoldsPassword: await holdsPassword(configText),
      key: new Uint8Array(32),
      genericFiles: await read(["generic"]),
      generatorFiles: await read(generators[installed.generator].layers),
      ownInitramfsFiles: await read(ownLayers(facts.installedGenerators)),
      kernelHookFiles: await read(hookLayers(installed.generator, facts.distribution?.distribution)),
      autokexec: {
        files: [{ source: "build/autokexec-agent", path: "/usr/lib/stiefelsystem/autokexec-agent", mode: 0o755 }],
        command: ["/usr/lib/stiefelsystem/autokexec-agent"],
      },
    },
  };
}

/** A plan as text for people; the content of files that are in image/host is not repeated. */
function formatPlan(plan: Plan): string {
  return [
    `# ${plan.title}`,
    ...plan.notices.map((notice) => `notice: ${notice}`),
    ...plan.operations.map(formatOperation),
  ].join("\n") + "\n";
}

function formatOperation(operation: Operation): string {
  const lines = ["", operation.what, `    why: ${operation.why}`];
  if (operation.needs.length > 0) lines.push(`    needs: ${operation.needs.join(" ")}`);
  switch (operation.kind) {
    case "write-file": {
      const { mode, content } = operation;
      lines.push(`    mode: ${mode === "any" ? mode : formatMode(mode)}${operation.isSecret ? ", secret" : ""}`);
      if (content.kind === "copy-of") lines.push(`    copy of: ${content.source}`);
      const isOurs = operation.why.startsWith("On a desktop") || operation.why.startsWith("Puts the above") ||
        operation.why.startsWith("Rebuilds what desktops boot");
      if (content.kind === "text" && !isOurs) {
        lines.push(...content.text.trimEnd().split("\n").filter(Boolean).map((line) => `    | ${line}`));
      }
      break;
    }
    case "run-command":
      lines.push(`    command: ${operation.argv.join(" ")}`, `    undo: ${operation.undo}`);
      lines.push(`    changed by: ${operation.changedBy.join(" ")}`);
      lines.push(
        ...operation.outputs.map((output) => `    writes: ${output.directory}/${output.startsWith}*${output.endsWith}`),
      );
      break;
    case "restart-unit":
      lines.push(`    changed by: ${operation.changedBy.join(" ")}`, `    undo: ${operation.undo}`);
      break;
    case "enable-unit":
    case "remove-file":
      break;
  }
  return lines.join("\n");
}

for (const installed of installedSystems) {
  Deno.test(`plan for ${installed.name} is the golden one`, async () => {
    const text = formatPlan(planSetupServer(await inputsFor(installed)));
    const path = `${goldenDirectory}${installed.name}.txt`;
    if (isUpdate) await Deno.writeTextFile(path, text);
    assert.equal(text, await Deno.readTextFile(path));
  });
}

Deno.test("every golden plan belongs to a system that is tested", async () => {
  const names = (await Array.fromAsync(Deno.readDir(goldenDirectory))).map((entry) => entry.name).sort();
  assert.deepEqual(names, installedSystems.map((installed) => `${installed.name}.txt`).sort());
});

const debian = installedSystems[0] as InstalledSystem;

Deno.test("hooks of an earlier version are removed, without building the laptop's own initramfs", async () => {
  const hook = "/etc/initramfs-tools/hooks/stiefelsystem";
  const { operations } = planSetupServer(await inputsFor({ ...debian, files: [...debian.files, hook] }));
  assert.deepEqual(operations.filter(({ kind }) => kind === "remove-file").map(({ id }) => id), [hook]);
  assert.ok(!operations.some((operation) => operation.kind === "run-command" && operation.id === "own-initramfs"));
});

Deno.test("what the configuration says about booting goes into stiefelsystem.json", async () => {
  const plan = planSetupServer(
    await inputsFor(
      debian,
      "boot:\n  load:\n    kernel: /boot/k\n    initrd: /boot/i\n    cmdline: [root=/dev/x, rw]\n",
    ),
  );
  const json = plan.operations.find((operation) => operation.id === "/boot/stiefelsystem.json");
  assert.ok(json?.kind === "write-file" && json.content.kind === "text");
  assert.deepEqual(JSON.parse(json.content.text), {
    kernel: "/boot/k",
    initrd: ["/boot/i"],
    cmdline: ["root=/dev/x", "rw"],
  });
});

Deno.test("a configuration with a password is never shown", async () => {
  const find = (plan: Plan): Operation | undefined =>
    plan.operations.find((operation) => operation.id === "/etc/stiefelsystem/config.yaml");
  const secret = find(planSetupServer(await inputsFor(debian, "initrd: {shell: /bin/sh, 'password' : abc}\n")));
  assert.ok(secret?.kind === "write-file" && secret.isSecret && secret.mode === 0o600);
  const open = find(planSetupServer(await inputsFor(debian, "modules: [lvm] # no password: none\n")));
  assert.ok(open?.kind === "write-file" && !open.isSecret && open.mode === 0o600);
});

Deno.test("without an autokexec agent there is no unit, and the plan says so", async () => {
  const inputs = await inputsFor(debian);
  const { autokexec: _without, ...artifacts } = inputs.artifacts;
  const plan = planSetupServer({ ...inputs, artifacts });
  assert.ok(!plan.operations.some((operation) => operation.kind === "enable-unit"));
  assert.match(plan.notices.join("\n"), /no autokexec agent/);
});

Deno.test("an agent that would listen for nothing is not installed, and the plan says so", async () => {
  const plan = planSetupServer(await inputsFor(debian, "autokexec: {broadcast: false}"));
  assert.ok(!plan.operations.some((operation) => operation.kind === "enable-unit"));
  assert.match(plan.notices.join("\n"), /switches autokexec off/);
});

Deno.test("P18: systemd-boot's menu gets no entry; the plan says so where users start the laptop by hand", async () => {
  const installed = installedSystems.find(({ name }) => name === "gentoo-systemd-boot-dracut");
  assert.ok(installed);
  const inputs = await inputsFor(installed);
  assert.equal(inputs.facts.hasSystemdBoot, true);
  const said = (change: Partial<SetupInputs["facts"]>, configText = inputs.config): boolean =>
    planSetupServer({ ...inputs, config: configText, facts: { ...inputs.facts, ...change } }).notices
      .some((notice) => /systemd-boot's menu gets no entry for the image: it holds the key/.test(notice));
  const { config: switchedOff } = await loadConfig("autokexec: {broadcast: false}", "config.yaml");
  assert.equal(said({}), false, "the agent does it");
  assert.equal(said({ hasSystemd: false }), true);
  assert.equal(said({}, switchedOff), true);
  assert.equal(said({ hasSystemd: false, hasSystemdBoot: false }), false);
});

Deno.test("the agent's settings are those of the configuration", async () => {
  const text = `server: {name: blue, on-end: poweroff}
autokexec: {broadcast: false, mac_detection: true, macs: ["52:54:00:AA:BB:CC"], countdown_s: 3, client_timeout_min: 2}`;
  const { operations } = planSetupServer(await inputsFor(debian, text));
  const written = operations.find((operation) => operation.id === AUTOKEXEC_SETTINGS_PATH);
  assert.ok(written?.kind === "write-file" && written.content.kind === "text");
  assert.deepEqual(parseAutokexecSettings(written.content.text), {
    version: 1,
    listens: false,
    name: "blue",
    macs: ["52:54:00:aa:bb:cc"],
    kernel: "/var/local/lib/stiefelsystem/kernel",
    initrd: "/var/local/lib/stiefelsystem/initrd",
    commandLine: "init_on_free=1 stiefel.role=server stiefel.on_end=poweroff stiefel.client_timeout=120",
    countdownSeconds: 3,
  });
});

Deno.test("a system without a kernel is refused with the places that were looked at", async () => {
  const inputs = await inputsFor(debian);
  assert.throws(
    () => planSetupServer({ ...inputs, facts: { ...inputs.facts, kernel: undefined } }),
    /No installed kernel/,
  );
});

Deno.test("in an unknown distribution the kernel is where packages put it, or the error lists places", async () => {
  const release = "6.15.0-1-default";
  const image = `/usr/lib/modules/${release}/vmlinuz`;
  const unknown = { ...debian, osRelease: "opensuse-tumbleweed", generator: "dracut" } as const;
  const inputs = await inputsFor({
    ...unknown,
    files: ["/usr/bin/dracut", image, `/usr/lib/modules/${release}/modules.dep`],
  });
  assert.deepEqual(inputs.facts.kernel, { release, image });
  assert.throws(
    () => planSetupServer({ ...inputs, facts: { ...inputs.facts, kernel: undefined } }),
    (error: unknown) =>
      error instanceof UserError &&
      error.hints.some((hint) => hint.endsWith(": /boot/vmlinuz-{release}, /usr/lib/modules/{release}/vmlinuz")),
  );
});

Deno.test("for a tree that does not run, nothing is started or reloaded", async () => {
  const inputs = await inputsFor(debian);
  const plan = planSetupServer({ ...inputs, facts: { ...inputs.facts, isLive: false, activeUnits: [] } });
  const commands = plan.operations.filter((operation) =>
    operation.kind === "run-command" || operation.kind === "restart-unit"
  );
  assert.deepEqual(commands.map((operation) => operation.id), ["initramfs"]);
});
