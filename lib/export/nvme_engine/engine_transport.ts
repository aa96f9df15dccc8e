/**
 * A disk that a storage system lends by NVMe/TCP, in place of the laptop (doc/fleet.md). The laptop tells the desktop
 * where it is, and nothing of it runs here: so no goodbye is seen, and the disk stays lent until the same desktop asks
 * again, or the laptop is started anew.
 */
import { UserError } from "../../errors.ts";
import { engineTransport } from "../../formats/engine.ts";
import type { ExportEnd, RunningExport, Transport } from "../transport.ts";

/** Queues of the desktop's block device; it makes no more than it has processors. */
const queues = 4;

export interface EngineExport {
  readonly transport: typeof engineTransport;
  /** The subsystem's qualified name. */
  readonly disk: string;
  /** The desktop's id there. */
  readonly exportName: string;
  /** Never: nothing listens here. */
  readonly namespace?: string;
}

export const nvmeEngineTransport: Transport<EngineExport> = {
  randomBytes: 0,
  plan: ({ engine }) => {
    if (engine === undefined) throw new UserError("The settings name no engine");
    const { addresses: [address, secondAddress, thirdAddress, fourthAddress], port, subsystem, host, hostId } = engine;
    if (address === undefined) throw new UserError("The settings name no address of the engine");
    return {
      parameters: {
        transport: engineTransport,
        address,
        ...secondAddress === undefined ? {} : { secondAddress },
        ...thirdAddress === undefined ? {} : { thirdAddress },
        ...fourthAddress === undefined ? {} : { fourthAddress },
        ...{ port, subsystem, host, hostId, namespaceId: engine.namespaceId, queues },
      },
      settings: { transport: engineTransport, disk: subsystem, exportName: hostId },
    };
  },
  start: () => Promise.resolve(standFor()),
  adopt: () => Promise.resolve({ kind: "running", running: standFor() }),
  // What is noted down says the rest.
  mayBeHeld: () => Promise.resolve(true),
  forget: () => Promise.resolve(),
};

/** Of what runs elsewhere. */
function standFor(): RunningExport {
  const { promise: exited, resolve } = Promise.withResolvers<ExportEnd>();
  const stop = (): Promise<void> => Promise.resolve(resolve({ reason: "stopped" }));
  return { exited, stop, [Symbol.asyncDispose]: stop };
}
