/** Version of everything in this project, shown by `--version` and on the state page. */
export const version = "0.1.0";
