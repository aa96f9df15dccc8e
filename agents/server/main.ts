/** Entry of the server agent. The image starts it as a function: nothing here is exported, or asks `import.meta`. */
import { runServerProgram } from "./program.ts";

Deno.exit(await runServerProgram(Deno.args));
