/**
 * mmdebstrap, run so that nothing of it outlives us: no process, no mount.
 *
 * `setpriv --pdeathsig=TERM` ends `timeout` when our own process ends, however that happens (SIGKILL, a second
 * Ctrl-C). `timeout` gives mmdebstrap a process group of its own and passes signals on to all of that group; what does
 * not end then gets SIGKILL. Both are needed: mmdebstrap sends SIGHUP to its whole group when its archive cannot be
 * written (a full disk), and that would be ours; and apt and dpkg-deb would go on for minutes after a Ctrl-C that
 * reached mmdebstrap alone. `unshare --mount`: as root mmdebstrap mounts in the mount namespace it finds (devpts,
 * tmpfs, the nodes of /dev). In a namespace of its own these mounts go with its last process; the machine never sees
 * them. An ordinary user's mmdebstrap makes such a namespace by itself (mmdebstrap(1), "unshare"); one that runs in a
 * tree of its own gets it from here.
 */
import type { System } from "../system/system.ts";
import { type BootstrapTree, treePrefix } from "./bootstrap_tree.ts";

export interface BootstrapHost {
  /** As root, or within a user namespace. */
  readonly mode: "root" | "unshare";
  /** Root may make a mount namespace. A container that may not cannot mount either. */
  readonly hasMountNamespace: boolean;
  /** Where this machine has no mmdebstrap: the Debian whose mmdebstrap runs. */
  readonly tree?: BootstrapTree;
}

/**
 * Seconds that a build may take, and that mmdebstrap has to end when it is asked to; less than `System.run` waits (5
 * s).
 */
const limitSeconds = 3600;
const graceSeconds = 3;

/** Runs `id` and, as root, `unshare`. */
export async function findBootstrapHost(system: System): Promise<BootstrapHost> {
  const { stdout: uid } = await system.run(["id", "-u"]);
  if (uid.trim() !== "0") return { mode: "unshare", hasMountNamespace: false };
  const isPossible = await system.run(["unshare", "--mount", "true"]).then(() => true, () => false);
  return { mode: "root", hasMountNamespace: isPossible };
}

/** The words before a program that shall end when we do. */
export const guardWords: readonly string[] = [
  ...["setpriv", "--pdeathsig=TERM"],
  ...["timeout", `--kill-after=${graceSeconds}`, String(limitSeconds)],
];

/** mmdebstrap, the words before it, and its mode; its other arguments follow. Pure. */
export function bootstrapProgram({ mode, hasMountNamespace, tree }: BootstrapHost): readonly string[] {
  // In its tree mmdebstrap is root, in a user namespace that is there already.
  if (tree !== undefined) return [...guardWords, ...treePrefix(tree, mode), "mmdebstrap", "--mode=root"];
  const isolated = mode === "root" && hasMountNamespace ? ["unshare", "--mount", "--propagation=private"] : [];
  return [...guardWords, ...isolated, "mmdebstrap", `--mode=${mode}`];
}

/** What mmdebstrap is doing, from a line of its; undefined for what is no step of the work. Pure. */
export function readBootstrapStep(line: string): string | undefined {
  const step = /^I: (.{3,60}?)\.*$/.exec(line)?.[1];
  return step === undefined || /tempdir|received signal|^(?:skipping|automatically|finding correct)/.test(step)
    ? undefined
    : step;
}
