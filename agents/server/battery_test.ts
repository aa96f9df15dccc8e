import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { type BatteryMemory, decideWarning, noBatteryMemory, parsePower, type Power } from "./battery.ts";
import { watchBattery } from "./watch_battery.ts";

/** Of a ThinkPad with two batteries, a mouse, and its power adapter unplugged (Linux 6.12). */
const onBattery = `DEVTYPE=power_supply
POWER_SUPPLY_NAME=AC
POWER_SUPPLY_TYPE=Mains
POWER_SUPPLY_ONLINE=0
DEVTYPE=power_supply
POWER_SUPPLY_NAME=BAT0
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_STATUS=Not charging
POWER_SUPPLY_CAPACITY=99
DEVTYPE=power_supply
POWER_SUPPLY_NAME=BAT1
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_STATUS=Discharging
POWER_SUPPLY_CAPACITY=42
DEVTYPE=power_supply
POWER_SUPPLY_NAME=hidpp_battery_0
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_SCOPE=Device
POWER_SUPPLY_STATUS=Discharging
POWER_SUPPLY_CAPACITY=3
`;

Deno.test("only batteries of the machine itself count, and only while they discharge", () => {
  assert.deepEqual(parsePower(onBattery), { kind: "battery", percent: 71 });
  assert.deepEqual(parsePower(onBattery.replace("=Discharging", "=Charging")), { kind: "mains" });
  assert.deepEqual(parsePower(""), { kind: "mains" });
  const silent = "POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_TYPE=Battery\nPOWER_SUPPLY_STATUS=Discharging\n";
  assert.deepEqual(parsePower(silent), { kind: "battery", percent: undefined });
});

Deno.test("warnings come at once, more often, higher and longer the less is left, and end with the mains", () => {
  let memory: BatteryMemory = noBatteryMemory;
  const said: string[] = [];
  const beeps: { readonly hertz: number; readonly ms: number }[] = [];
  function look(minutes: number, power: Power): void {
    const decision = decideWarning(power, memory, minutes * 60_000);
    memory = decision.memory;
    if (decision.warning === undefined) return;
    said.push(`${minutes} ${decision.warning.text.split(":")[0]}`);
    if (decision.warning.beep) beeps.push(decision.warning.beep);
  }
  look(0, { kind: "mains" });
  for (const minutes of [1, 2, 10.5, 11]) look(minutes, { kind: "battery", percent: 50 });
  for (const minutes of [12, 13, 14]) look(minutes, { kind: "battery", percent: 20 });
  for (const minutes of [14.5, 14.75, 15]) look(minutes, { kind: "battery", percent: 7 });
  look(16, { kind: "mains" });
  look(17, { kind: "mains" });
  assert.deepEqual(said, [
    "1 This machine runs on its battery, 50 % left",
    "11 This machine runs on its battery, 50 % left",
    "12 WARNING",
    "14 WARNING",
    "14.5 WARNING",
    "15 WARNING",
    "16 On mains power again",
  ]);
  const [normal, , low, , critical] = beeps;
  assert.ok(normal && low && critical && normal.ms < low.ms && low.ms < critical.ms && low.hertz < critical.hertz);
});

Deno.test("the batteries are read by name, and a machine without any is silent", async () => {
  for (
    const [names, wanted] of [["AC\nBAT0\n", /This machine runs on its battery, 71 %/], ["", undefined]] as const
  ) {
    const system = createMemorySystem({
      commands: [
        ([program]) => program === "ls" ? names : undefined,
        ([program, ...paths]) =>
          program === "cat" && paths.every((path) => /^\/sys\/class\/power_supply\/\w+\/uevent$/.test(path))
            ? onBattery
            : undefined,
      ],
    });
    const lines: string[] = [];
    const seen: string[] = [];
    const stop = new AbortController();
    const console = { say: (line: string) => void lines.push(line), ring: () => {} } as unknown as Parameters<
      typeof watchBattery
    >[1]["console"];
    const watching = watchBattery(system, { console, signal: stop.signal, onPower: (power) => seen.push(power.kind) });
    for (let turns = 0; turns < 50; turns++) await Promise.resolve();
    stop.abort();
    await watching;
    assert.deepEqual(seen, [wanted === undefined ? "mains" : "battery"]);
    if (wanted === undefined) assert.deepEqual(lines, []);
    else assert.match(lines.join("\n"), wanted);
  }
});
