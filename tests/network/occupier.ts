/**
 * Takes all places of a server with connections that say nothing, and takes each again that is lost, until it is
 * ended. Arguments: HOST PORT COUNT. HOST may carry a scope.
 */
import { connectStream } from "../../lib/net/stream.ts";

const [host = "", port = "", count = ""] = Deno.args;
let lost = 0;

async function occupy(): Promise<never> {
  for (;;) {
    try {
      using stream = await connectStream({ host, port: Number(port), idleTimeoutMs: 60_000 });
      while (await stream.read() !== undefined);
    } catch {
      // Reset or refused: once more.
    }
    if (++lost === 100) console.log("a hundred connections were lost");
  }
}

await Promise.race(Array.from({ length: Number(count) }, occupy));
