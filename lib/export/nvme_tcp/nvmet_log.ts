/** What the kernel's NVMe target says of a desktop, in the kernel's log. Pure. */

export interface NvmetLogState {
  /** A desktop was connected at least once. */
  readonly wasUsed: boolean;
  /** Numbers of the controllers that are connected, as far as the log tells: one that is closed leaves no line. */
  readonly controllers: readonly number[];
  /** It has connected to the subsystem without a disk, and not to the disk since. */
  readonly saidGoodbye: boolean;
}

export const emptyNvmetLog: NvmetLogState = { wasUsed: false, controllers: [], saidGoodbye: false };

/** The NVMe qualified name of a subsystem or host (NVM Express Base Specification 2.0, section 4.5). */
export function nvmeName(uuid: string): string {
  return `nqn.2014-08.org.nvmexpress:uuid:${uuid}`;
}

/**
 * @param line a record as /dev/kmsg has it: numbers, a semicolon, the text (Documentation/ABI/testing/dev-kmsg)
 * @param uuid of the session's subsystem: strangers can make the kernel say other lines
 */
export function readNvmetLine(state: NvmetLogState, line: string, uuid: string): NvmetLogState {
  const text = /^\d+,\d+,\d+,[^;]*;nvmet: (.*)$/.exec(line)?.[1];
  if (text === undefined) return state;
  // drivers/nvme/target/admin-cmd.c and fabrics-cmd.c: before 5.16 without the kind of controller
  const created = /^creating (?:\w+ )?controller (\d+) for subsystem (\S+) for NQN /.exec(text);
  if (created !== null) {
    const [, number, name] = created;
    if (name === `${nvmeName(uuid)}:goodbye`) return { ...state, saidGoodbye: true };
    if (name !== nvmeName(uuid)) return state;
    return { wasUsed: true, controllers: [...state.controllers, Number(number)], saidGoodbye: false };
  }
  // drivers/nvme/target/core.c: the desktop was not heard of for that long
  const expired = /^ctrl (\d+) keep-alive timer \(\d+ seconds\) expired!$/.exec(text);
  if (expired === null) return state;
  return { ...state, controllers: state.controllers.filter((number) => number !== Number(expired[1])) };
}

/** An error of the disk itself, as the block layer says it (block/blk-core.c): for reading, writing, flushing. */
export function readDiskError(line: string, diskName: string): string | undefined {
  const match = /^\d+,\d+,\d+,[^;]*;(?:blk_update_request: )?([\w/]+(?: \w+)* error), dev ([^\s,]+), /.exec(line);
  return match?.[2] === diskName ? match[1] : undefined;
}
