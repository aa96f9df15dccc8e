/** Looks at the kernel's counters when someone wants to know, at most once a second. Runs `cat`. */
import type { System } from "../../lib/system/system.ts";
import { countRates, listMeasureFiles, parseMeasures, type Rates, type TimedMeasures } from "./measures.ts";

/** What is looked at. */
export interface Measured {
  readonly diskName?: string;
  readonly linkName?: string;
}

export interface Reading {
  readonly measures: TimedMeasures;
  readonly rates?: Rates;
}

const freshMs = 900;

export class Meter {
  readonly #system: System;
  #last: { readonly key: string; readonly reading: Reading } | undefined;
  #running: { readonly key: string; readonly reading: Promise<Reading> } | undefined;

  constructor(system: System) {
    this.#system = system;
  }

  /** Never rejects: what cannot be read is absent. */
  async read(measured: Measured): Promise<Reading> {
    const key = `${measured.diskName}/${measured.linkName}`;
    const last = this.#last?.key === key ? this.#last.reading : undefined;
    if (last !== undefined && this.#system.monotonicMs() - last.measures.takenMs < freshMs) return last;
    // Who asks for the same meanwhile gets the same.
    if (this.#running?.key === key) return await this.#running.reading;
    const running = { key, reading: this.#look(measured, last?.measures) };
    this.#running = running;
    const reading = await running.reading;
    if (this.#running === running) {
      this.#running = undefined;
      this.#last = { key, reading };
    }
    return reading;
  }

  async #look({ diskName, linkName }: Measured, before: TimedMeasures | undefined): Promise<Reading> {
    const files = listMeasureFiles(diskName, linkName);
    const read = files.length === 0
      ? Promise.resolve({ stdout: "" })
      : this.#system.run(["cat", ...files], { acceptExitCodes: [0, 1], timeoutMs: 5_000 });
    const { stdout } = await read.catch(() => ({ stdout: "" }));
    const measures = { ...parseMeasures(stdout, linkName), takenMs: this.#system.monotonicMs() };
    const rates = countRates(before, measures);
    return { measures, ...rates === undefined ? {} : { rates } };
  }
}
