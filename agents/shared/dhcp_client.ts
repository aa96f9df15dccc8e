/** An address from another DHCP server: busybox' udhcpc, which keeps its lease as long as it runs. */
import type { System } from "../../lib/system/system.ts";

/** What udhcpc calls: takes the address, and prints it. */
const scriptPath = "/usr/lib/stiefelsystem/dhcp-address";

export interface DhcpClient extends AsyncDisposable {
  /** "192.0.2.7/24". Rejects when the program ends first. */
  readonly address: Promise<string>;
  /** Resolves when that is no longer the address: the program has ended, or the server gave another one. */
  readonly over: Promise<void>;
}

export interface DhcpClientOptions {
  readonly link: string;
  /** Default: that of the image. */
  readonly script?: string | undefined;
  /** Takes a router and name servers, too; present: where it is noted which, absolute. */
  readonly networkDirectory?: string | undefined;
  /** What the server may call this machine. */
  readonly hostName?: string | undefined;
}

/** Runs `udhcpc`, and by its script `ip` and others. */
export function startDhcpClient(
  system: System,
  { link, script = scriptPath, networkDirectory, hostName }: DhcpClientOptions,
): DhcpClient {
  const address = Promise.withResolvers<string>();
  const over = Promise.withResolvers<void>();
  let taken: string | undefined;
  const process = system.spawn(
    [
      // In the foreground; gives the lease back when it ends.
      ...["udhcpc", "-f", "-R", "-i", link, "-s", script, "-t", "5", "-T", "1", "-A", "3"],
      ...hostName === undefined ? [] : ["-x", `hostname:${hostName}`],
    ],
    {
      ...networkDirectory === undefined ? {} : { env: { STIEFEL_NETWORK: networkDirectory } },
      onLine: (line) => {
        const [, found] = /^address (\d+\.\d+\.\d+\.\d+\/\d+)$/.exec(line) ?? [];
        if (found === undefined) return;
        if (taken !== undefined && taken !== found) over.resolve();
        taken ??= found;
        address.resolve(found);
      },
    },
  );
  address.promise.catch(() => {}); // who waits for it hears of it
  void process.exited.then(() => {
    address.reject(new Error("udhcpc has ended"));
    over.resolve();
  });
  return {
    address: address.promise,
    over: over.promise,
    [Symbol.asyncDispose]: async () => {
      await process[Symbol.asyncDispose]();
      if (taken === undefined) return;
      await system.run(["ip", "address", "delete", taken, "dev", link], { isCleanup: true })
        .catch(() => {}); // it is gone
    },
  };
}
