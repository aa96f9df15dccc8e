/** Version of everything in this project, shown by `--version` and on the state page. */
export const version = "0.1.0";

/**
 * Its day, YYYY-MM-DD. For tests, and for the task that writes manual pages: the same sources give the same pages on
 * any day.
 */
export const versionDate = "2026-11-30";
