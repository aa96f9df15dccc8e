/** Entry of the client agent. The image starts it as a function: nothing here is exported, or asks `import.meta`. */
import { runClientProgram } from "./program.ts";

Deno.exit(await runClientProgram(Deno.args));
