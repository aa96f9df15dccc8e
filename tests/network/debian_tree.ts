/**
 * Programs of Debian 13 that must not be installed on this machine, run on machines of a rig: their root is a tree of
 * their own.
 */
import { bootstrapProgram, findBootstrapHost } from "../../lib/debian/bootstrap_program.ts";
import { debianMirror, readAptMirror } from "../../lib/debian/mirror.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { Machine, RunningAgent } from "./rig.ts";

const system = createRealSystem();

export interface DebianTree extends AsyncDisposable {
  /** Its root directory. */
  readonly directory: string;
  run(machine: Machine, argv: readonly string[]): Promise<string>;
  start(machine: Machine, argv: readonly string[]): RunningAgent;
}

/** Needs root and mmdebstrap. Takes a quarter of a minute. */
export async function installDebian(packages: readonly string[]): Promise<DebianTree> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-debian-" });
  const tree = `${directory}/tree`;
  const remove = (): Promise<void> => Deno.remove(directory, { recursive: true });
  try {
    await system.run([
      ...bootstrapProgram(await findBootstrapHost(system)),
      ...["--quiet", "--variant=minbase", "--format=directory", '--aptopt=APT::Install-Recommends "false"'],
      `--include=${packages.join(",")}`,
      ...["trixie", tree, await readAptMirror(system) ?? debianMirror],
    ], { timeoutMs: 10 * 60_000 });
  } catch (error) {
    await remove();
    throw error;
  }
  // The mounts are those of the one program, in the mount namespace that `ip netns exec` makes. /sys is read-only as
  // in containers: programs then do not wait for udev. /run is one for all programs of a machine, and as
  // initramfs-tools mounts it. The root is a mount, which `ip netns` in it needs.
  const enter = (machine: Machine, argv: readonly string[]): readonly string[] => [
    ...["sh", "-euc"],
    'mount --bind "$0" "$0"; mount -t proc proc "$0/proc"; mount -t sysfs -o ro sysfs "$0/sys"; mkdir -p "$1/dbus"; mount --bind "$1" "$0/run"; mount -o remount,bind,nosuid,nodev,noexec "$0/run"; shift; exec chroot "$0" "$@"',
    ...[tree, `${machine.directory}/debian-run`, ...argv],
  ];
  return {
    directory: tree,
    run: (machine, argv) => machine.run(enter(machine, argv)),
    start: (machine, argv) => machine.start(enter(machine, argv)),
    [Symbol.asyncDispose]: remove,
  };
}
