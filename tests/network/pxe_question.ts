/**
 * Asks for a boot loader as the PXE of a firmware does (Preboot Execution Environment 2.1): everyone at first, and then
 * a server that gives no address, on its port for that. Prints each answer. Arguments: an address of this machine, its
 * MAC address, the architecture's number.
 */
import { DHCP_CLIENT_PORT, formatDhcpDiscover, parseDhcpAnswer } from "../../lib/formats/dhcp_message.ts";
import { openDhcpQuestion } from "../../lib/net/dhcp_socket.ts";

const bootServerPort = 4011;
const [address = "", mac = "", architecture = ""] = Deno.args;
const transactionId = 0x50584500;

function formatQuestion(messageType: number, ciaddr: readonly number[]): Uint8Array<ArrayBuffer> {
  const plain = formatDhcpDiscover({ transactionId, mac });
  plain.set(ciaddr, 12);
  plain[242] = messageType;
  const text = new TextEncoder().encode(`PXEClient:Arch:${architecture.padStart(5, "0")}:UNDI:003016`);
  const uuid = [97, 17, 0, ...new Uint8Array(16)];
  const options = [93, 2, 0, Number(architecture), 94, 3, 1, 3, 16, ...uuid, 60, text.length, ...text];
  return new Uint8Array([...plain.subarray(0, 243), ...options, 255, ...new Uint8Array(64)]);
}

/** Prints the answers of two seconds. @returns servers that give no address */
async function hear(socket: Deno.DatagramConn, what: string): Promise<readonly string[]> {
  setTimeout(() => socket.close(), 2_000);
  const servers: string[] = [];
  try {
    for (;;) {
      const [bytes] = await socket.receive();
      const answer = parseDhcpAnswer(bytes);
      if (answer?.transactionId !== transactionId) continue;
      const given = bytes.subarray(16, 20).join(".");
      const file = new TextDecoder().decode(bytes.subarray(108, 236)).split("\0", 1)[0];
      console.log(
        `${what} server=${answer.server} given=${given} next=${bytes.subarray(20, 24).join(".")} file=${file}`,
      );
      if (given === "0.0.0.0") servers.push(answer.server);
    }
  } catch {
    // The time is over.
  }
  return servers;
}

function open(hostname: string): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname, port: DHCP_CLIENT_PORT });
}

const broadcast = open("255.255.255.255");
const asking = openDhcpQuestion(address);
await asking.send(formatQuestion(1, [0, 0, 0, 0]));
const servers = await hear(broadcast, "discover");
asking[Symbol.dispose]();
for (const server of new Set(servers)) {
  const socket = open(address);
  const question = formatQuestion(3, address.split(".").map(Number));
  await socket.send(question, { transport: "udp", hostname: server, port: bootServerPort });
  await hear(socket, "request");
}
