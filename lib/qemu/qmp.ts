/**
 * QEMU's control protocol (QMP): JSON lines, a greeting first, then commands and answers, with events in between.
 *
 * Spoken over two FIFOs (`-chardev pipe`), so that reading and writing files is all it takes.
 * Source: QEMU's docs/interop/qmp-spec.rst.
 */

import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Qmp {
  /** @throws {UserError} when QEMU refuses the command or does not answer in time, by default 10 s */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { readonly timeoutMs?: number },
  ): Promise<unknown>;
  /** What has happened so far, oldest first. */
  readonly events: readonly QmpEvent[];
}

/** One line of QMP, by its kind. */
export type QmpMessage =
  | { readonly kind: "greeting" }
  | { readonly kind: "event"; readonly event: QmpEvent }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly message: string }
  | { readonly kind: "other" };

/** @param line one line without its end */
export function parseQmpMessage(line: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "other" };
  }
  if (!isRecord(value)) return { kind: "other" };
  if ("QMP" in value) return { kind: "greeting" };
  if (typeof value.event === "string") {
    return { kind: "event", event: { event: value.event, data: isRecord(value.data) ? value.data : {} } };
  }
  if (typeof value.id !== "number") return { kind: "other" };
  if (isRecord(value.error)) return { kind: "refusal", id: value.id, message: String(value.error.desc) };
  return { kind: "answer", id: value.id, value: value.return };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const answerLimitMs = 10_000;

/**
 * Talks to a running QEMU over the FIFOs `path`.in and `path`.out. QEMU must have opened them already: opening a FIFO
 * waits for the other end.
 */
export async function connectQmp(system: System, path: string): Promise<Qmp> {
  const events: QmpEvent[] = [];
  const waiting = new Map<number, (message: QmpMessage) => void>();
  let nextId = 1;

  let isOver = false;
  const answers = await system.openRead(`${path}.out`);
  void (async (): Promise<void> => {
    let rest = "";
    for await (const text of answers.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) receive(parseQmpMessage(line.trim()));
    }
  })().catch(() => {}).finally(() => {
    for (const [id, answer] of waiting) answer({ kind: "refusal", id, message: "the machine has ended" });
    waiting.clear();
    isOver = true;
  });

  function receive(message: QmpMessage): void {
    if (message.kind === "event") events.push(message.event);
    if (message.kind === "answer" || message.kind === "refusal") {
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  }

  async function execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    { timeoutMs = answerLimitMs }: { readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    if (isOver) throw new UserError(`QEMU was asked for "${command}" after its machine had ended`);
    const id = nextId++;
    const answered = Promise.withResolvers<QmpMessage>();
    waiting.set(id, answered.resolve);
    // Opened anew for each command, by a program: QEMU holds the FIFO open for itself, so that this never ends its
    // input.
    await system.run(["tee", `${path}.in`], {
      stdin: `${JSON.stringify({ execute: command, arguments: args, id })}\n`,
      timeoutMs: answerLimitMs,
    });
    const noLimit = new AbortController();
    const limit = system.delay(timeoutMs, noLimit.signal).then(
      (): QmpMessage => ({ kind: "refusal", id, message: `no answer within ${timeoutMs / 1000} s` }),
    );
    limit.catch(() => {});
    try {
      const message = await Promise.race([answered.promise, limit]);
      if (message.kind === "refusal") throw new UserError(`QEMU refused "${command}": ${message.message}`);
      return message.kind === "answer" ? message.value : undefined;
    } finally {
      waiting.delete(id);
      noLimit.abort();
    }
  }

  // The protocol starts in a mode where only this command is known.
  await execute("qmp_capabilities");
  return { execute, events };
}
