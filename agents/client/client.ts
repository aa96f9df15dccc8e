/** The client agent: search, fetch, start; over and over until it works. */
import { describeError, UserError } from "../../lib/errors.ts";
import { checkMemory, executeKernel, loadKernel, unloadKernel } from "../../lib/boot/kexec.ts";
import { needsScope } from "../../lib/net/address.ts";
import { createBackoff } from "../../lib/backoff.ts";
import { formatBytes } from "../../lib/format_bytes.ts";
import { shutDownIntoKernel } from "../../lib/restart/shut_down.ts";
import type { PlacePlan } from "../../lib/second_boot/plan_place.ts";
import { armPlace, emptyPlace, type UsedPlace } from "../../lib/second_boot/use_place.ts";
import type { Console } from "../shared/console.ts";
import { type DhcpNetwork, startDhcpNetwork } from "../shared/dhcp_network.ts";
import { type Environment, readEnvironment } from "../shared/environment.ts";
import { type Attempt, type ClientDependencies, endCleaning, isTrying, lookAtDesktop, type Memory } from "./attempt.ts";
import { readClientKeys } from "./client_keys.ts";
import { ExchangeFailed, type FetchedArchive } from "./exchange.ts";
import { explainFailure, isRefusal, refusalOf } from "./failed_attempt.ts";
import { fetchOnce } from "./fetch_once.ts";
import { KernelRefused } from "./kernel_refusal.ts";
import type { ClientOptions } from "./options.ts";
import { askToLeave, demandOwnSystem } from "./own_system.ts";
import { obtainKey } from "./pairing.ts";
import { offerSecondBoot, prepareSecondBoot, restartDesktop } from "./second_boot.ts";
import { removeStaged } from "./staging.ts";

const retryFirstMs = 500;
const retryMaximumMs = 15_000;

/**
 * Runs until a kernel was started, or, with `--no-kexec`, until it could have been.
 * @throws {UserError} for what trying again cannot mend, on a running system for what its user has to do first, too;
 *   the signal's reason when it aborts
 */
export async function runClient(options: ClientOptions, dependencies: ClientDependencies): Promise<void> {
  const { system, console, signal } = dependencies;
  if (options.isFromRunningSystem && options.withKexec) await demandOwnSystem(system);
  console.mark("agent");
  // Looking for a laptop that shows a code raises links, which are not ours on a running system.
  const mayPair = options.keyPath === undefined && !options.isFromRunningSystem;
  const keyPath = mayPair ? await obtainKey(options.workDirectory, dependencies) : options.keyPath;
  const environment = await readEnvironment(system, { role: "client", ...options, keyPath });
  const keys = await readClientKeys(system, environment, keyPath);
  for (const name of environment.unknownParameters) console.say(`The kernel parameter "${name}" is not known`);
  if (isTrying(options, environment)) {
    console.say("Try mode: all that this desktop changes is thrown away when it shuts down");
  }
  const backoff = createBackoff({ firstMs: retryFirstMs, maximumMs: retryMaximumMs });
  await using network = startNetwork(options, environment, dependencies);
  const memory: Memory = { chosen: undefined, page: "", secondBoot: undefined, cleaning: undefined };
  for (;;) {
    signal.throwIfAborted();
    // What fails before there is an address is tried again with it.
    const addressed = network?.nextAddress();
    try {
      if (await attempt({ ...dependencies, options, environment, keys, memory })) return;
    } catch (error) {
      signal.throwIfAborted();
      const cause = error instanceof ExchangeFailed ? error.cause : error;
      if (options.isFromRunningSystem && cause instanceof UserError) throw cause;
      for (const line of explainFailure(error)) console.sayRarely(line);
      const refusal = refusalOf(error);
      memory.secondBoot = undefined;
      if (refusal !== undefined && options.withKexec) {
        const offered = await offerSecondBoot(dependencies, {
          trust: refusal.trust,
          facts: await lookAtDesktop({ system, memory }),
          partitionUuid: environment.parameters.stick,
          waitMs: KernelRefused.waitMs,
        });
        if (offered.kind === "accepted") {
          memory.secondBoot = offered.used;
          continue;
        }
        if (offered.kind === "declined") {
          memory.chosen = undefined;
          continue;
        }
      }
      const mayMeanAnother = memory.chosen !== undefined && isRefusal(error);
      if (mayMeanAnother) memory.chosen = undefined;
      const mustWait = refusal !== undefined && !mayMeanAnother;
      await pause(mustWait ? KernelRefused.waitMs : backoff.next(), { system, signal, addressed });
    }
  }
}

/** For a laptop that is named. What the desktop's own Linux has, and link-local addresses, need no such help. */
function startNetwork(
  { server, workDirectory, isFromRunningSystem }: ClientOptions,
  { parameters, settings, machineName: name }: Environment,
  dependencies: ClientDependencies,
): DhcpNetwork | undefined {
  const address = server ?? parameters.server;
  if (address === undefined || needsScope(address) || isFromRunningSystem) return undefined;
  return startDhcpNetwork({ ...dependencies, workDirectory, name, vlan: settings.vlan });
}

/** Until the time is over, or `addressed` aborts. @throws the signal's reason when it aborts */
async function pause(
  ms: number,
  { system, signal, addressed }: Pick<ClientDependencies, "system" | "signal"> & {
    readonly addressed: AbortSignal | undefined;
  },
): Promise<void> {
  if (addressed === undefined) return await system.delay(ms, signal);
  await system.delay(ms, AbortSignal.any([signal, addressed])).catch(() => {});
  signal.throwIfAborted();
}

/** @returns false when a laptop was chosen meanwhile, and is to be gone to */
async function attempt(attempted: Attempt): Promise<boolean> {
  const { system, console, signal, options, memory } = attempted;
  if (memory.secondBoot !== undefined) return await attemptSecondBoot(attempted, memory.secondBoot);
  await using taken = new AsyncDisposableStack();
  const fetched = await fetchOnce(attempted, async ({ archive, staged }) => {
    console.mark("fetched");
    if (!options.withKexec) return;
    const title = archive.entryTitle;
    // Asked once: a laptop that was slow to answer after the yes is asked again by itself.
    if (options.isFromRunningSystem && !options.isAgreed && memory.agreedTitle !== title) {
      await askToLeave(console, { title, signal });
      memory.agreedTitle = title;
    }
    await checkMemory(system, archive.kernelBytes + archive.initramfsBytes);
    taken.defer(() =>
      unloadKernel(system).catch((error) => console.say(`Cannot unload the kernel: ${describeError(error)}`))
    );
    await loadKernel(system, {
      kernel: staged.kernelPath,
      initramfs: staged.initramfsPath,
      commandLine: archive.commandLine,
    });
  });
  if (fetched === undefined) return false;
  if (!options.withKexec) {
    report(console, fetched);
    return true;
  }
  taken.defer(() => removeStaged(system, fetched.staged));
  await endCleaning(memory);
  console.say(`Starting "${fetched.archive.entryTitle}"`);
  console.mark("kexec");
  if (!options.isFromRunningSystem) return await executeKernel(system);
  console.say("Shutting this computer down");
  await shutDownIntoKernel(system);
  taken.move(); // what is loaded stays
  return true;
}

/** @returns false when a laptop was chosen meanwhile, and is to be gone to */
async function attemptSecondBoot(attempted: Attempt, used: UsedPlace): Promise<boolean> {
  const { system, console, memory } = attempted;
  await using taken = new AsyncDisposableStack();
  let plan: PlacePlan | undefined;
  await endCleaning(memory);
  const fetched = await fetchOnce(attempted, async ({ archive, staged }) => {
    console.mark("fetched");
    console.say("Writing to the stick, and reading it back");
    taken.defer(() =>
      emptyPlace(system, used).then(
        () => {},
        (error) => console.say(`The stick cannot be emptied: ${describeError(error)}`),
      )
    );
    plan = await prepareSecondBoot(system, { used, facts: await lookAtDesktop(attempted), archive, staged });
  });
  if (fetched === undefined) return false;
  if (plan === undefined) throw new TypeError("Nothing was written to the stick");
  await armPlace(system, used, plan);
  // From here on what is on the stick stays.
  taken.move();
  await removeStaged(system, fetched.staged);
  return await restartDesktop(attempted);
}

function report(console: Console, { archive, staged }: FetchedArchive): void {
  const { link, tunnel, disk } = archive.session;
  const size = "sizeBytes" in disk ? `, ${formatBytes(disk.sizeBytes)}` : "";
  console.say(`Would start "${archive.entryTitle}"`);
  console.say(`  kernel        ${staged.kernelPath}, ${formatBytes(archive.kernelBytes)}`);
  console.say(`  initramfs     ${staged.initramfsPath}, ${formatBytes(archive.initramfsBytes)} and the session file`);
  console.say(`  command line  ${archive.commandLine}`);
  console.say(`  disk          ${disk.transport}, [${disk.address}]:${disk.port}${size}`);
  if (tunnel !== undefined) console.say(`  tunnel        WireGuard, [${tunnel.endpoint}]:${tunnel.port}`);
  console.say(`  our address   ${link.address} on the card ${link.mac}`);
}
