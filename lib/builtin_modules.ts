/**
 * Modules of Node that are built into the runtime, loaded when they are first used. To load node:crypto takes a quarter of an agent's start;
 * this way it happens while a network card still talks to the other end.
 */

// Absent only in runtimes that are none of ours; importing node:process would load what shall not be loaded yet.
const { process } = globalThis as unknown as {
  readonly process: { readonly getBuiltinModule: (name: string) => unknown };
};

export const builtinModules = {
  get buffer(): typeof import("node:buffer") {
    return process.getBuiltinModule("node:buffer") as typeof import("node:buffer");
  },
  get crypto(): typeof import("node:crypto") {
    return process.getBuiltinModule("node:crypto") as typeof import("node:crypto");
  },
  get util(): typeof import("node:util") {
    return process.getBuiltinModule("node:util") as typeof import("node:util");
  },
};
