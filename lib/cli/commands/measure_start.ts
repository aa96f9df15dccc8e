/** How soon a desktop's firmware has started the image: what `bench stick` and `bench netboot` have in common. */

import type { StartFigures } from "../../qemu/bench_result.ts";
import type { Vm } from "../../qemu/run_vm.ts";

/** Of one start: seconds from power-on, and processor time of QEMU's process up to then. */
export type StartTimes = Readonly<Record<"agentS" | "agentCpuS" | "kernelS" | "kernelCpuS", number>>;

/** @throws {UserError} when the agent does not run in time */
export async function measureStart(vm: Vm, limitMs: number): Promise<StartTimes> {
  const measure = async (pattern: RegExp): Promise<readonly [wallS: number, cpuS: number]> => {
    const line = await vm.waitForLine(pattern, { timeoutMs: limitMs });
    return [Number((line.atMs / 1000).toFixed(2)), await vm.processorSeconds() ?? 0];
  };
  const [kernelS, kernelCpuS] = await measure(/Linux version/);
  const [agentS, agentCpuS] = await measure(/stiefelsystem: step=agent/);
  return { kernelS, kernelCpuS, agentS, agentCpuS };
}

/** The same times as bench.json has them. */
export function byStart<Start extends string>(
  starts: Readonly<Partial<Record<Start, StartTimes>>>,
): Required<Pick<StartFigures<Start>, keyof StartTimes>> {
  const each = (name: keyof StartTimes): Readonly<Partial<Record<Start, number>>> =>
    Object.fromEntries(
      Object.entries<StartTimes | undefined>(starts).flatMap(([start, times]) =>
        times === undefined ? [] : [[start, times[name]]]
      ),
    ) as Partial<Record<Start, number>>;
  return {
    kernelS: each("kernelS"),
    kernelCpuS: each("kernelCpuS"),
    agentS: each("agentS"),
    agentCpuS: each("agentCpuS"),
  };
}
