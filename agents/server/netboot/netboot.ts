/**
 * Starting desktops over the network, on the links that were chosen: dnsmasq gives addresses and boot loaders, we give
 * kernel and initrd. Addresses only on a link where no other machine gives any: it is asked first, and again and again.
 */
import { describeError, UserError } from "../../../lib/errors.ts";
import { formatDhcpDiscover } from "../../../lib/formats/dhcp_message.ts";
import { hearDhcpAnswers, openDhcpQuestion } from "../../../lib/net/dhcp_socket.ts";
import { serveFiles } from "../../../lib/net/file_host.ts";
import { listenStream } from "../../../lib/net/listen.ts";
import type { System } from "../../../lib/system/system.ts";
import { aborted } from "../../shared/aborted.ts";
import type { Console } from "../../shared/console.ts";
import { startDhcpClient } from "../../shared/dhcp_client.ts";
import type { UsableLink } from "../../shared/links.ts";
import { type DhcpMode, formatDnsmasqConfig } from "./dnsmasq_config.ts";
import { findNetbootFile, findNetbootName } from "./files.ts";

export interface NetbootOptions {
  readonly system: System;
  readonly console: Console;
  /** MAC addresses of the links that were chosen. */
  readonly macs: readonly string[];
  readonly workDirectory: string;
  /** Makes the initrd that is given away. @returns where it is. @throws {UserError} when there is none */
  readonly cutInitrd: () => Promise<string>;
  /** Of the DHCP client. Default: that of the image. */
  readonly dhcpScript?: string;
  /** Where the boot loaders are. Default: where the image has them. */
  readonly directory?: string;
}

/** Before ours is the only one: dnsmasq asks 3 s long whether an address is taken before it offers it. */
const listenFirstMs = 5_000;
/** Questions while ours is the only one: another one that appears answers one of them. */
const questionIntervalMs = 300;
const filePort = 80;

export class Netboot {
  readonly #options: NetbootOptions;
  /** What is asked, by its number: a server that answers is there. */
  readonly #questions = new Map<number, (server: string) => void>();
  #initrd: Promise<string> | undefined;

  constructor(options: NetbootOptions) {
    this.#options = options;
  }

  /** Hears the answers for all links. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { system, console } = this.#options;
    while (!signal.aborted) {
      try {
        await hearDhcpAnswers({
          signal,
          onAnswer: ({ transactionId, server }) => this.#questions.get(transactionId)?.(server),
        });
      } catch (error) {
        console.sayRarely(`Network boot: cannot hear other DHCP servers: ${describeError(error)}`);
        await system.delay(1_000, signal).catch(() => {});
      }
    }
  }

  /** Serves one link until `signal` aborts; ends at once for a link that was not chosen. */
  async serveLink(link: UsableLink, signal: AbortSignal): Promise<void> {
    if (!this.#options.macs.includes(link.mac)) return;
    const { system, console } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#serve(link, signal, await this.#cutOnce());
      } catch (error) {
        if (signal.aborted) return;
        console.sayRarely(`Network boot on ${link.name}: ${describeError(error)}`);
        if (error instanceof UserError) {
          error.hints.forEach((hint) => console.sayRarely(`  ${hint}`));
          return;
        }
        await system.delay(2_000, signal).catch(() => {});
      }
    }
  }

  /** One for all links; after a failure it is tried anew. */
  #cutOnce(): Promise<string> {
    return this.#initrd ??= this.#options.cutInitrd().catch((error) => {
      this.#initrd = undefined;
      throw error;
    });
  }

  async #serve(link: UsableLink, signal: AbortSignal, initrd: string): Promise<void> {
    await this.#endFormer(link);
    const server = await this.#serveAlone(link, signal, initrd);
    while (!signal.aborted) await this.#serveBeside(link, signal, { server, initrd });
  }

  /** Gives addresses until another machine does. @returns that machine; "" when the signal has aborted */
  async #serveAlone(link: UsableLink, signal: AbortSignal, initrd: string): Promise<string> {
    const { system, console } = this.#options;
    const network = `10.157.${link.index % 256}`;
    const address = `${network}.1`;
    await system.run(["ip", "address", "replace", `${address}/24`, "dev", link.name]);
    await using _address = {
      [Symbol.asyncDispose]: async () => {
        await system.run(["ip", "address", "delete", `${address}/24`, "dev", link.name]).catch(() => {}); // it is gone
      },
    };
    using watch = this.#watchServers(link, address, signal);
    {
      // The cards of desktops start anew between firmware, boot loader and kernel, and the link with them: who has an
      // address goes on.
      const over = new AbortController();
      const mode = { kind: "none" } as const;
      const lending = this.#lend(link, { address, initrd, mode }, AbortSignal.any([signal, over.signal]));
      await Promise.race([watch.found, system.delay(listenFirstMs, signal).catch(() => {}), lending]);
      over.abort();
      await lending;
    }
    if (signal.aborted) return "";
    if (watch.server === undefined) {
      const range = { from: `${network}.10`, to: `${network}.250`, netmask: "255.255.255.0" };
      const over = AbortSignal.any([signal, watch.foundSignal]);
      console.sayRarely(
        `Network boot on ${link.name}: no other DHCP server answers, so desktops get an address from here`,
      );
      await this.#lend(link, { address, initrd, mode: { kind: "full", range } }, over);
    }
    return watch.server ?? "";
  }

  /** Adds to what another machine gives, with an address from it, until that ends. */
  async #serveBeside(
    link: UsableLink,
    signal: AbortSignal,
    { server, initrd }: { readonly server: string; readonly initrd: string },
  ): Promise<void> {
    const { system, console, dhcpScript: script } = this.#options;
    console.sayRarely(
      `Network boot on ${link.name}: another DHCP server answers (${server}), so no desktop gets an address from here`,
    );
    await using client = startDhcpClient(system, { link: link.name, script });
    const taken = await Promise.race([client.address, aborted(signal)]);
    if (taken === undefined) return;
    const [address = ""] = taken.split("/");
    console.sayRarely(
      `Network boot on ${link.name}: boot loaders for PXE come from ${address}; UEFI HTTP boot does not work`,
    );
    const over = new AbortController();
    void client.over.then(() => over.abort());
    await this.#lend(link, { address, initrd, mode: { kind: "proxy" } }, AbortSignal.any([signal, over.signal]));
  }

  /** Of files for this link, without their ending. */
  #pathOf(link: UsableLink): string {
    return `${this.#options.workDirectory}/netboot/${link.name}`;
  }

  /** An agent before us that was killed has left its dnsmasq. Runs `cat`, `kill`. */
  async #endFormer(link: UsableLink): Promise<void> {
    const { system } = this.#options;
    const text = await system.readText(`${this.#pathOf(link)}.pid`).catch(() => "");
    const pid = /^[1-9]\d*$/.exec(text.trim())?.[0];
    if (pid === undefined) return;
    const { stdout } = await system.run(["cat", `/proc/${pid}/comm`], { acceptExitCodes: [0, 1] });
    if (stdout.trim() === "dnsmasq") await system.run(["kill", pid], { acceptExitCodes: [0, 1] });
  }

  /** dnsmasq and our files, until the signal aborts. @throws when dnsmasq ends by itself */
  async #lend(
    link: UsableLink,
    { address, initrd, mode }: { readonly address: string; readonly initrd: string; readonly mode: DhcpMode },
    signal: AbortSignal,
  ): Promise<void> {
    const { system, directory } = this.#options;
    const base = this.#pathOf(link);
    const config = formatDnsmasqConfig({
      link: link.name,
      mac: link.mac,
      address,
      mode,
      leasesPath: `${base}.leases`,
      pidPath: `${base}.pid`,
      ...directory === undefined ? {} : { directory },
    });
    await system.writeFile(`${base}.conf`, config);
    await using _files = listenStream(
      { address, port: filePort, signal, maximumConnections: 32 },
      (stream) =>
        serveFiles(stream, {
          find: async (path) => {
            const name = findNetbootName(path);
            if (name === undefined) return undefined;
            return await findNetbootFile(system, name, { initrd, ...directory === undefined ? {} : { directory } });
          },
        }),
    );
    const lines: string[] = [];
    await using dnsmasq = system.spawn(["dnsmasq", "--keep-in-foreground", `--conf-file=${base}.conf`], {
      onLine: (line) => {
        lines.push(line);
        if (lines.length > 5) lines.shift();
      },
    });
    const ended = await Promise.race([dnsmasq.exited, aborted(signal)]);
    if (ended !== undefined) throw new Error(`dnsmasq has ended: ${lines.at(-1) ?? "it said nothing"}`);
  }

  /** Asks again and again whether another machine gives addresses on this link. */
  #watchServers(link: UsableLink, address: string, signal: AbortSignal): ServerWatch {
    const { system } = this.#options;
    const [transactionId = 0] = new Uint32Array(system.randomBytes(4).buffer);
    const over = new AbortController();
    const found = new AbortController();
    const met = Promise.withResolvers<void>();
    let server: string | undefined;
    this.#questions.set(transactionId, (other) => {
      server ??= other;
      met.resolve();
      found.abort();
    });
    const bytes = formatDhcpDiscover({ transactionId, mac: link.mac });
    const stop = AbortSignal.any([signal, over.signal, found.signal]);
    const asking = (async () => {
      while (!stop.aborted) {
        try {
          using question = openDhcpQuestion(address);
          while (!stop.aborted) {
            await question.send(bytes);
            await system.delay(questionIntervalMs, stop).catch(() => {});
          }
        } catch {
          // The address is not usable yet, or the link is going.
          await system.delay(questionIntervalMs, stop).catch(() => {});
        }
      }
    })();
    void asking;
    return {
      found: met.promise,
      foundSignal: found.signal,
      get server() {
        return server;
      },
      [Symbol.dispose]: () => {
        this.#questions.delete(transactionId);
        over.abort();
      },
    };
  }
}

interface ServerWatch extends Disposable {
  readonly found: Promise<void>;
  readonly foundSignal: AbortSignal;
  /** Who has answered. */
  readonly server: string | undefined;
}
