/**
 * Modules of Node that are built into the runtime, loaded when they are first used. "process" and node:crypto take a third of an agent's
 * start; this way they are loaded while a network card still talks to the other end.
 */

export const builtinModules = {
  get buffer(): typeof import("node:buffer") {
    return load("node:buffer") as typeof import("node:buffer");
  },
  get crypto(): typeof import("node:crypto") {
    return load("node:crypto") as typeof import("node:crypto");
  },
  get util(): typeof import("node:util") {
    return load("node:util") as typeof import("node:util");
  },
};

function load(name: string): unknown {
  // Absent only in runtimes that are none of ours. To look at it loads it, and importing node:process would load it at once.
  const { process } = globalThis as unknown as {
    readonly process: { readonly getBuiltinModule: (name: string) => unknown };
  };
  return process.getBuiltinModule(name);
}
