/**
 * Addresses by DHCP, with a router and name servers, for the ways to other machines that discovery does not reach.
 * Beside the link-local addresses, which nothing here waits for or changes.
 */
import { describeError } from "../../lib/errors.ts";
import type { System } from "../../lib/system/system.ts";
import { aborted } from "./aborted.ts";
import type { Console } from "./console.ts";
import { startDhcpClient } from "./dhcp_client.ts";
import { runOnLinks, type RunOnLinksOptions, type UsableLink } from "./links.ts";

export interface DhcpNetworkOptions {
  readonly system: System;
  readonly console: Console;
  /** Absolute; for notes of what was taken. */
  readonly workDirectory: string;
  /** What this machine calls itself. */
  readonly name: string;
  /** Has an address, without prefix length, until the signal aborts. */
  readonly use?: (address: string, signal: AbortSignal) => Promise<void>;
}

/** The program cannot be started, or has ended. */
const againMs = 5_000;

/**
 * Has an address on this link whenever a server gives one, until `signal` aborts; then it is given back. Never rejects.
 */
export async function keepDhcpAddress(
  { system, console, workDirectory, name, use }: DhcpNetworkOptions,
  link: UsableLink,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await using client = startDhcpClient(system, {
        link: link.name,
        networkDirectory: workDirectory,
        hostName: toHostName(name),
      });
      const taken = await Promise.race([client.address, aborted(signal)]);
      if (taken === undefined) return;
      console.sayRarely(`${link.name} has the address ${taken}, by DHCP`);
      const over = new AbortController();
      void client.over.then(() => over.abort());
      const until = AbortSignal.any([signal, over.signal]);
      await Promise.all([use?.(taken.replace(/\/.*$/, ""), until), aborted(until)]);
    } catch (error) {
      if (signal.aborted) return;
      console.sayRarely(`No address by DHCP on ${link.name}: ${describeError(error)}`);
      await system.delay(againMs, signal).catch(() => {});
    }
  }
}

/** One label of letters, digits and hyphens (RFC 952); undefined where nothing is left of the name. */
export function toHostName(name: string): string | undefined {
  const label = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "").slice(0, 63);
  return label.replace(/-$/, "") || undefined;
}

/** Addresses on all links on which a server gives any. Disposing of it gives them back. */
export interface DhcpNetwork extends AsyncDisposable {
  /** Aborts when there is another one from now on. */
  nextAddress(): AbortSignal;
}

export function startDhcpNetwork(
  options: Omit<DhcpNetworkOptions, "use"> & Pick<RunOnLinksOptions, "vlan"> & { readonly signal: AbortSignal },
): DhcpNetwork {
  const { system, console } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  let next = new AbortController();
  const use = (): Promise<void> => {
    next.abort(new DOMException("There is another address", "AbortError"));
    next = new AbortController();
    return Promise.resolve();
  };
  const running = runOnLinks({
    ...{ system, console, signal, vlan: options.vlan },
    work: (link, linkSignal) => keepDhcpAddress({ ...options, use }, link, linkSignal),
  });
  return {
    nextAddress: () => next.signal,
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await running;
    },
  };
}
