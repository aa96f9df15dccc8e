import assert from "node:assert/strict";
import { bootFigures, formatBenchJson, formatBenchTable, middleRound } from "./bench_result.ts";

const network = {
  kernel: 1,
  agent: 8.1234,
  found: 9,
  fetched: 15,
  kexec: 17,
  payloadKernel: 18,
  attached: 30,
  root: 31,
  multiUser: 70,
};
const local = { payloadKernel: 1, root: 14, multiUser: 50 };
const round = { network: { times: network }, local: { times: local } };

Deno.test("the figures of a boot are those of the stable keys, with the ratio of the same run", () => {
  assert.deepEqual(bootFigures([round]), {
    localS: 50,
    networkS: 70,
    ratio: 1.4,
    ratios: [1.4],
    agentShares: [0.162],
    ratioOfMinima: 1.4,
    steps: { agent: 8.12, found: 9, fetched: 15, kexec: 17, root: 31, multiUser: 70 },
  });
});

Deno.test("of several rounds the one in the middle counts, and the table shows the ratios of all", () => {
  const rounds = [90, 55, 70, 60].map((multiUser, round) => ({
    network: { times: { ...network, agent: 10 - round, multiUser }, desktopProcessor: { multiUser: 40 + round } },
    local: { times: { ...local, multiUser: 50 }, desktopProcessor: { multiUser: 32 + round } },
  }));
  const figures = bootFigures(rounds);
  assert.deepEqual(figures.ratios, [1.1, 1.2, 1.4, 1.8]);
  assert.equal(figures.ratio, 1.4, "of the two in the middle, the slower");
  assert.deepEqual(figures.agentShares, [0.14, 0.16, 0.18, 0.2]);
  assert.equal(middleRound(rounds)?.network.times.multiUser, 70);
  assert.equal(figures.ratioOfMinima, 1.1, "the fastest of each");
  assert.equal(figures.cpuRatio, 1.25, "the least of each");
  const text = formatBenchTable({ result: { boot: figures }, times: round }).join("\n");
  assert.match(text, /network \/ local, the fastest of each +1\.10 +<- the figure to quote/);
  assert.match(text, /the same in processor time +1\.25/);
  assert.match(text, /over the network \/ local boot +1\.40 \(rounds: 1\.10, 1\.20, 1\.40, 1\.80\)/);
  assert.match(text, /power-on to agent \/ local boot +0\.16 \(rounds: 0\.14, 0\.16, 0\.18, 0\.20\)/);
  const unfinished = { network: { times: { agent: 8 } }, local: { times: local } };
  assert.equal(middleRound([unfinished]), unfinished);
  assert.deepEqual(bootFigures([unfinished, ...rounds.slice(0, 1)]).ratios, [1.8], "a boot that got nowhere has none");
});

Deno.test("what was not measured is absent, in bench.json and in the table", () => {
  assert.deepEqual(bootFigures([{ network: { times: { agent: 8 } }, local: { times: {} } }]), { steps: { agent: 8 } });
  assert.equal(formatBenchJson({}), "{}\n");
  assert.deepEqual(formatBenchTable({ result: {} }), []);
});

Deno.test("the table tells shares beside the figures", () => {
  const text = formatBenchTable({
    result: {
      boot: bootFigures([round]),
      image: { initrdBytes: 64_000_000, kernelBytes: 12_000_000, agents: "bundle", minimumRamMiB: 384 },
      build: { coldS: 100, warmS: 8 },
      seal: { sealMBps: 700, openMBps: 720 },
      stick: {
        imageBytes: 272_600_000,
        writtenBytes: 92_100_000,
        writeS: 1.5,
        localS: 60,
        localCpuS: 50,
        agentS: { seabios: 15, secureBoot: 21 },
        agentCpuS: { seabios: 10 },
        kernelS: { seabios: 9 },
        kernelCpuS: { seabios: 4 },
      },
      netboot: {
        localS: 60,
        agentS: { seabios: 40, ovmfTftp: 31, ovmfHttp: 30 },
        agentCpuS: { ovmfHttp: 21 },
        kernelS: { ovmfHttp: 18 },
      },
      block: {
        cpus: 2,
        tcpMBps: 33.5,
        transports: [{
          ...{ name: "nbd", encrypted: false, readMBps: 20.5, writeMBps: 10, read4kIops: 1000, write4kIops: 500 },
          ...{ tcp: { readMBps: 33.5, writeMBps: 30 }, cpuSPerGB: {} },
        }],
      },
      links: [{ cards: 1, jumbo: false, foundMs: 40 }, { cards: 8, jumbo: true, foundMs: 75 }],
    },
    times: round,
    bareMmdebstrapS: 60,
  }).join("\n");
  for (
    const line of [
      /over the network \/ local boot +1\.40/,
      /power-on to agent \/ local boot +0\.16/,
      /initrd +64\.0 MB/,
      /build, an agent edited +8\.0 s \(0\.08 of it\)/,
      /mmdebstrap alone +60\.0 s \(build: 1\.7 x\)/,
      /stick: image +272\.6 MB, 92\.1 MB of it written/,
      /stick: BIOS, power-on to kernel +9\.0 s \(0\.15 of the local boot\), processor 4\.0 s \(0\.08\)/,
      /stick: BIOS, power-on to agent +15\.0 s \(0\.25 of the local boot\), processor 10\.0 s \(0\.20\)/,
      /stick: Secure Boot, power-on to agent +21\.0 s \(0\.35 of the local boot\)/,
      /net: BIOS, power-on to agent +40\.0 s \(0\.67 of the local boot\)$/m,
      /net: UEFI by HTTP, power-on to kernel +18\.0 s \(0\.30 of the local boot\)$/m,
      /net: UEFI by HTTP, power-on to agent +30\.0 s \(0\.50 of the local boot\), processor 21\.0 s$/m,
      /nbd: read +20\.5 MB\/s \(0\.61 of TCP\)/,
      /cable to found, cards: 8, jumbo +75 ms/,
    ]
  ) assert.match(text, line);
});
