/** What has to be done to a laptop so that its disk can be used from a desktop. Pure: values in, a plan out. */

import { AUTOKEXEC_KEY_PATH } from "../formats/autokexec_settings.ts";
import { UserError } from "../errors.ts";
import { type GeneratorId, separateInitramfs } from "../initramfs/generator.ts";
import { buildSeparateInitramfs, recordOutputs, separateOutputs } from "../initramfs/separate_initramfs.ts";
import { type HostFacts, originalInitramfsHooks, usualKernelImages } from "./host_facts.ts";
import type { HostPath } from "./host_path.ts";
import { configPath } from "./image_start.ts";
import type { Operation } from "./operations/kinds.ts";
import type { RemoveFile } from "./operations/remove_file.ts";
import type { RunCommand } from "./operations/run_command.ts";
import type { WriteFile } from "./operations/write_file.ts";
import { checkPlan, type Plan } from "./plan.ts";
import { planAutokexec } from "./plan_autokexec.ts";
import { planBootJson, planBootMenu } from "./plan_boot_files.ts";
import { writeFile } from "./plan_file.ts";
import { planNetworkRules, planReloads } from "./plan_network.ts";
import { planNotices } from "./plan_notices.ts";
import type { SetupArtifacts, SetupInputs } from "./setup_inputs.ts";

/** @throws {UserError} when the host lacks what the plan cannot do without */
export function planSetupServer(inputs: SetupInputs): Plan {
  const { facts, artifacts, generator } = inputs;
  const overlay = planOverlay(artifacts, generator);
  const rules = planNetworkRules(facts);
  const removals = planRemovals(facts);
  return checkPlan({
    title: `Set up ${facts.distribution?.prettyName ?? "this system"} with ${generator}`,
    notices: planNotices(inputs),
    operations: [
      ...planImageFiles(inputs),
      ...planSettings(inputs),
      ...removals,
      ...planOwnInitramfs(removals),
      ...overlay,
      ...rules,
      ...planReloads(facts, rules),
      planBuild(facts, overlay),
      ...planKernelHooks(artifacts),
      ...planBootJson(inputs),
      ...planBootMenu(inputs),
      ...planAutokexec(inputs),
    ],
  });
}

function planBuild(facts: HostFacts, overlay: readonly WriteFile[]): RunCommand {
  if (facts.kernel === undefined) {
    const images = facts.distribution?.distribution.kernelImages ?? usualKernelImages;
    throw new UserError("No installed kernel was found that a desktop could boot", {
      hints: [`Looked in /usr/lib/modules and /lib/modules, and for images at: ${images.join(", ")}`],
    });
  }
  const ids = overlay.map((operation) => operation.id);
  return {
    kind: "run-command",
    id: "initramfs",
    what: `build ${separateInitramfs}`,
    why: "A desktop boots with it and attaches the disk; the laptop's own initramfs stays as it is",
    needs: ids,
    argv: buildSeparateInitramfs(facts.kernel),
    changedBy: ids,
    outputs: [
      ...separateOutputs.map((startsWith) => ({ directory: "/boot", startsWith, endsWith: "" })),
      ...recordOutputs.map((startsWith) => ({
        directory: "/etc/stiefelsystem",
        startsWith,
        endsWith: "",
        isOptional: true,
      })),
    ],
    undo: "nothing",
  };
}

function planImageFiles({ config, artifacts }: SetupInputs): readonly Operation[] {
  const { stiefelsystemKernel, stiefelsystemInitrd } = config.serverSetup;
  return [
    writeFile(
      stiefelsystemKernel,
      { kind: "copy-of", source: artifacts.kernel },
      "The image that turns this machine into a server: its kernel; it fits the initrd only that was built with it",
    ),
    writeFile(
      stiefelsystemInitrd,
      { kind: "copy-of", source: artifacts.initrd },
      "The image that turns this machine into a server: its initrd; the shared key is in it",
      { mode: 0o600, isSecret: true, needs: [stiefelsystemKernel] },
    ),
  ];
}

function planSettings({ artifacts }: SetupInputs): readonly Operation[] {
  return [
    writeFile(
      configPath,
      { kind: "text", text: artifacts.configText },
      "The configuration this machine was set up with",
      { mode: 0o600, isSecret: artifacts.configHoldsPassword },
    ),
    writeFile(
      AUTOKEXEC_KEY_PATH,
      { kind: "bytes", bytes: artifacts.key },
      "The shared key: the laptop answers only a desktop that holds it",
      { mode: 0o600, isSecret: true },
    ),
  ];
}

function planOverlay(artifacts: SetupArtifacts, generator: GeneratorId): readonly WriteFile[] {
  const generic = artifacts.genericFiles.map(({ path, text, mode }) =>
    writeFile(
      path,
      { kind: "text", text },
      "On a desktop: attaches the disk at boot unless the laptop is hibernated, and lets go of it at shutdown",
      {
        mode,
      },
    )
  );
  const needs = generic.map((operation) => operation.id);
  const specific = artifacts.generatorFiles.map(({ path, text, mode }) =>
    writeFile(path, { kind: "text", text }, `Puts the above into the initramfs that ${generator} builds`, {
      mode,
      needs,
    })
  );
  const laptopInitramfs = (artifacts.ownInitramfsFiles ?? []).map(({ path, text, mode }) =>
    writeFile(
      path,
      { kind: "text", text },
      "When an update on a desktop builds the laptop's own initramfs: it has the drivers that start the laptop",
      { mode, needs },
    )
  );
  return [...generic, ...specific, ...laptopInitramfs];
}

function planKernelHooks({ kernelHookFiles }: SetupArtifacts): readonly WriteFile[] {
  const why = "Rebuilds what desktops boot after updates";
  return kernelHookFiles.map(({ path, text, mode }) =>
    writeFile(path, { kind: "text", text }, why, { mode, needs: ["initramfs"] })
  );
}

function planRemovals({ originalFiles, formerFiles }: HostFacts): readonly RemoveFile[] {
  const remove = (path: HostPath, why: string): RemoveFile => {
    return { kind: "remove-file", id: path, what: `remove ${path}`, why, needs: [], path };
  };
  return [
    ...originalFiles.map((path) => remove(path, "The original Stiefelsystem has installed it; ours takes its place")),
    ...formerFiles.map((path) =>
      remove(path, "An earlier setup-server has installed it; the laptop's own initramfs does without")
    ),
  ];
}

/**
 * The original had hooks in the laptop's own initramfs. For ours nothing is built: they do nothing there, and
 * undo-setup knows what was there before them.
 */
function planOwnInitramfs(removals: readonly RemoveFile[]): readonly RunCommand[] {
  const causes = removals.map(({ path }) => path).filter((path) => originalInitramfsHooks.includes(path));
  if (causes.length === 0) return [];
  return [{
    kind: "run-command",
    id: "own-initramfs",
    what: "rebuild the initramfs of every kernel",
    why: "The laptop's own: so that it is without what was removed",
    needs: causes,
    argv: ["update-initramfs", "-u", "-k", "all"],
    changedBy: causes,
    outputs: [
      { directory: "/boot", startsWith: "initrd.img-", endsWith: "" },
      // update-initramfs(8) keeps checksums of what it built.
      { directory: "/var/lib/initramfs-tools", startsWith: "", endsWith: "" },
    ],
    undo: "repeat",
  }];
}
