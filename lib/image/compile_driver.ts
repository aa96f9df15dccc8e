/** How a driver is compiled: the command lines. Pure. */
import { snapshotOptions } from "../debian/snapshot_name.ts";
import type { DriverConfig } from "../config/config.ts";
import { quoteCommand } from "../errors.ts";
import { type BootstrapHost, bootstrapProgram } from "../debian/bootstrap_program.ts";

/** Where sources are inside the build root; always the same, since compilers write it into what they make. */
export const sourceDirectory = "/stiefelsystem/sources";

/** Directories in the result of the stage "compile": modules, and other files as the image has them. */
export const compiledModulesName = "updates";
export const compiledFilesName = "files";

/**
 * `make` with the driver's arguments, run in its source directory: shell text, because make's PWD has to be that
 * directory.
 */
export function driverMakeCommand({ name, makeArguments }: DriverConfig, kernelVersion: string): string {
  const source = `${sourceDirectory}/${name}`;
  const values: Readonly<Record<string, string>> = {
    kernelBuild: `/lib/modules/${kernelVersion}/build`,
    kernelVersion,
    source,
  };
  const filled = makeArguments.map((argument) =>
    argument.replaceAll(/\{(\w+)\}/g, (whole, key) => Object.hasOwn(values, key) ? values[key] ?? whole : whole)
  );
  return `cd ${quoteCommand([source])} && exec ${quoteCommand(["make", ...filled])}`;
}

export interface CompileRequest {
  readonly suite: string;
  readonly mirror: string;
  readonly host: BootstrapHost;
  readonly kernelVersion: string;
  /** Shell text for each driver. */
  readonly commands: readonly string[];
  readonly sourceArchive: string;
  readonly resultArchive: string;
}

/**
 * One run of mmdebstrap makes the build root, compiles in it, hands the sources back as an archive, and leaves nothing
 * (mmdebstrap(1), "HOOKS").
 */
export function compileArguments(request: CompileRequest): string[] {
  const inBuildRoot = (command: string): string =>
    `--customize-hook=${quoteCommand(["chroot"])} "$1" ${quoteCommand(["sh", "-c", command])}`;
  return [
    ...bootstrapProgram(request.host),
    "--variant=minbase",
    "--format=null",
    ...snapshotOptions(request.mirror),
    `--include=make,gcc,libc6-dev,linux-headers-${request.kernelVersion}`,
    inBuildRoot(`mkdir -p ${sourceDirectory}`),
    `--customize-hook=tar-in ${quoteCommand([request.sourceArchive])} ${sourceDirectory}`,
    ...request.commands.map(inBuildRoot),
    // As Debian's own modules: what only a debugger reads is ten times the size.
    inBuildRoot(`find ${sourceDirectory} -name "*.ko" -exec strip --strip-debug {} +`),
    `--customize-hook=tar-out ${sourceDirectory} ${quoteCommand([request.resultArchive])}`,
    request.suite,
    "/dev/null",
    request.mirror,
  ];
}
