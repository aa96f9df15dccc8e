import assert from "node:assert/strict";
import { isMenuParameter } from "./menu_parameter.ts";
import { isLaptopWord, laptopParameters, toLaptopWord } from "./laptop_word.ts";

Deno.test("a laptop's name becomes a word that both boot loaders and the kernel take as it is", () => {
  const cases: readonly (readonly [name: string, word: string])[] = [
    ["thinkpad", "thinkpad"],
    ["ThinkPad X1 Carbon (9th)", "ThinkPad_X1_Carbon__9th_"],
    ["größe", "gr__e"],
    ["💻", "_"],
    ['a"$b`\\c', "a__b__c"],
    ["x".repeat(100), "x".repeat(64)],
    ["20XW004AGE", "20XW004AGE"],
  ];
  for (const [name, word] of cases) {
    assert.equal(toLaptopWord(name), word);
    assert.ok(isLaptopWord(word));
    for (const parameter of laptopParameters(name)) assert.ok(isMenuParameter(parameter), parameter);
  }
  assert.deepEqual(laptopParameters(""), []);
  assert.ok(!isLaptopWord("") && !isLaptopWord("a b"));
});
