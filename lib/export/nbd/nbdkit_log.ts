/**
 * What nbdkit's verbose log says about its clients. nbdkit itself ends a connection in the same way whether the client
 * said goodbye (NBD_CMD_DISC, sent when the desktop shuts down) or the cable was pulled, so the log is the only place
 * that tells them apart. The lines are the same in nbdkit 1.32 (Debian 12) and 1.42 (Debian 13). Pure.
 */

/**
 * Logs connections but no single request: `-v` alone would write a line per read and write.
 * See nbdkit(1), "nbdkit.backend.datapath" and "nbdkit.backend.controlpath".
 */
export const nbdkitLogArguments = [
  "--verbose",
  ...["-D", "nbdkit.backend.datapath=0"],
  ...["-D", "nbdkit.backend.controlpath=0"],
] as const;

export interface NbdkitLogState {
  readonly isListening: boolean;
  /** A client got through the handshake at least once. */
  readonly wasUsed: boolean;
  /** Threads that serve connections now; none means that no client is connected. */
  readonly workers: number;
  /** The client said goodbye, and no connection was made since. */
  readonly saidGoodbye: boolean;
  /** The last error lines, oldest first. */
  readonly errors: readonly string[];
}

export const emptyNbdkitLog: NbdkitLogState = {
  isListening: false,
  wasUsed: false,
  workers: 0,
  saidGoodbye: false,
  errors: [],
};

const keptErrors = 8;

/** @param line one line of nbdkit's standard error */
export function readNbdkitLine(state: NbdkitLogState, line: string): NbdkitLogState {
  // "nbdkit: THREAD: LEVEL: TEXT", the thread only where it is one of a connection
  const message = /^nbdkit: (?:(?!debug: |error: )[^:]+: )?(?:(debug|error): )?(.*)$/.exec(line);
  const [, level, text] = message ?? [undefined, "error", line];
  if (level !== "debug") return { ...state, errors: [...state.errors, text ?? line].slice(-keptErrors) };
  if (text === undefined) return state;
  if (text.startsWith("bound to ")) return { ...state, isListening: true };
  if (text.startsWith("handshake complete")) return { ...state, wasUsed: true, saidGoodbye: false };
  if (text.startsWith("starting worker thread")) return { ...state, workers: state.workers + 1 };
  if (text.startsWith("exiting worker thread")) return { ...state, workers: state.workers - 1 };
  if (text.startsWith("client sent NBD_CMD_DISC")) return { ...state, saidGoodbye: true };
  return state;
}

/** The client has gone and will not come back: it said so on its last connection. */
export function hasClientLeft(state: NbdkitLogState): boolean {
  return state.wasUsed && state.saidGoodbye && state.workers === 0;
}

/** A desktop has, or had, this disk, and nothing says that it is done with it. */
export function mayBelieveToHaveDisk(state: NbdkitLogState): boolean {
  return state.wasUsed && !hasClientLeft(state);
}

/**
 * The words of a line that reports an error of the disk; undefined for every other line. The file plugin names the
 * system call that failed (nbdkit's plugins/file/file.c, 1.32 and 1.42).
 */
export function readDiskError(line: string): string | undefined {
  const calls = "pread|pwrite|fdatasync|fsync|fallocate|fadvise|sync_file_range|ioctl|lseek|copy_file_range";
  return new RegExp(`^nbdkit: [^:]+: error: ((?:${calls})\\b.*)$`).exec(line)?.[1];
}
