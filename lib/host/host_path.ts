/**
 * An absolute path as the host sees it; with `--root DIR` the file is `DIR` + this path. Only `tree.ts` turns it into
 * a real one.
 */
export type HostPath = string;
