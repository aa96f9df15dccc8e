/** Image, demo disk and QEMU for the tests, built once for all of them. */

import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { type MachineOptions, type Machines, prepareMachines } from "../../lib/cli/commands/prepare_machines.ts";
import type { Progress, Ui } from "../../lib/ui.ts";
import type { BootImage } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost } from "../../lib/qemu/run_vm.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { resolveProjectPaths } from "../../lib/paths.ts";
import { projectRoot } from "../support/source_tree.ts";

export interface QemuTest {
  readonly system: System;
  readonly ui: Ui;
  readonly options: MachineOptions;
  /** Set where no machine can be started. */
  readonly skipReason: string | undefined;
  machines(): Promise<Machines>;
  /** The same image, made with a key of its own. */
  imageWithOtherKey(): Promise<BootImage>;
}

export async function prepareQemuTest(): Promise<QemuTest> {
  const project = projectRoot.replace(/\/$/, "");
  const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
  const paths = resolveProjectPaths({
    projectDir: project,
    env: { HOME: Deno.env.get("HOME"), XDG_CACHE_HOME: Deno.env.get("XDG_CACHE_HOME") },
  });
  const environment = Object.fromEntries(
    ["HOME", "DENO_DIR", "DENORT_BIN"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const options: MachineOptions = {
    image: {
      projectDir: project,
      outDir: paths.outDir,
      cacheDir: paths.cacheDir,
      keyPath: paths.keyFile,
      deno: { path: Deno.execPath(), version: Deno.version.deno, target: Deno.build.target, environment },
    },
    projectDirectory: project,
    runDirectory: `${paths.outDir}/test`,
    cacheDir: paths.cacheDir,
  };
  const skipReason = await detectQemuHost(system).then(() => undefined, (error: Error) => error.message);
  if (skipReason !== undefined) console.warn(`Skipping whole machines: ${skipReason}`);
  let machines: Promise<Machines> | undefined;
  return {
    system,
    ui: quietUi,
    options,
    skipReason,
    machines: () => machines ??= prepareMachines(system, quietUi, options),
    imageWithOtherKey: () =>
      createInitrd(system, quietUi, {
        ...options.image,
        keyPath: `${options.runDirectory}/other-key`,
        outDir: `${options.runDirectory}/other-key-image`,
      }),
  };
}

const progress: Progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };

/** Says only what went wrong: the tests' own output is the report. Nothing is installed without being asked for. */
const quietUi: Ui = {
  result: () => {},
  page: () => Promise.resolve(),
  say: () => {},
  warn: (text) => console.warn(text),
  progress: () => progress,
  ask: () => Promise.resolve("abort"),
  confirm: () => Promise.resolve(false),
  askText: () => Promise.resolve(""),
  askSecret: () => Promise.resolve(""),
  screen: () => ({ columns: 80, rows: undefined }),
  isTerminal: false,
  color: false,
};
