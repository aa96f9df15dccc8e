/**
 * Runs inside a namespace for links_test.ts: answers or asks on a link with what lib/net has. Arguments: answer|ask
 * LINK INDEX ADDRESS.
 */
import { DISCOVERY_GROUP } from "../../lib/protocol/discovery.ts";
import { openDatagramLink } from "../../lib/net/datagram_link.ts";
import { listenStream } from "../../lib/net/listen.ts";
import { connectStream } from "../../lib/net/stream.ts";

const [mode, link = "", index = "", address = ""] = Deno.args;
const port = 61570;

if (mode === "answer") {
  using datagrams = await openDatagramLink({ link, index: Number(index), group: DISCOVERY_GROUP, port });
  await using _listener = listenStream({ address, link, port: 4644 }, async (stream) => {
    const bytes = await stream.read();
    if (bytes !== undefined) await stream.write(bytes);
  });
  console.log("listening");
  for (let question = await datagrams.receive(); question !== undefined; question = await datagrams.receive()) {
    await datagrams.send(
      new TextEncoder().encode(`answer on ${link} to ${new TextDecoder().decode(question.bytes)}`),
      question,
    );
  }
} else {
  using datagrams = await openDatagramLink({ link, index: Number(index), address, port: 0 });
  await datagrams.send(new TextEncoder().encode("question"), { address: DISCOVERY_GROUP, port });
  const answer = await datagrams.receive();
  console.log(new TextDecoder().decode(answer?.bytes));
  using stream = await connectStream({ host: `${answer?.address}%${link}`, port: 4644 });
  await stream.write(new TextEncoder().encode(`stream from ${stream.localAddress}`));
  console.log(new TextDecoder().decode(await stream.read()));
}
