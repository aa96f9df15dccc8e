import assert from "node:assert/strict";
import { GrubSyntaxError, parseGrubScript, type Statement, type Word } from "./grub_script.ts";

/** A tree as short text: quoted text in <…>, variables as ${…} or "${…}". */
function show(statements: readonly Statement[]): string {
  return statements.map((statement) => {
    switch (statement.kind) {
      case "command":
        return [...statement.words.map(showWord), ...(statement.block ? [`{ ${show(statement.block)} }`] : [])].join(
          " ",
        );
      case "if":
        return [
          ...statement.branches.map(({ condition, body }) => `if(${show(condition)}){${show(body)}}`),
          `else{${show(statement.otherwise)}}`,
        ].join("");
      case "for":
        return `for ${statement.name} in ${statement.words.map(showWord).join(" ")}{${show(statement.body)}}`;
      case "while":
        return `${statement.endsOn ? "until" : "while"}(${show(statement.condition)}){${show(statement.body)}}`;
      case "function":
        return `function ${statement.name}{${show(statement.body)}}`;
      case "not":
        return `not(${show([statement.statement])})`;
    }
  }).join("; ");
}

function showWord(word: Word): string {
  return word.map((part) => {
    const text = part.kind === "text" ? part.text : `\${${part.name}}`;
    return part.isQuoted ? `<${text}>` : text;
  }).join("");
}

const cases: Readonly<Record<string, string>> = {
  "set default=0": "set default=0",
  "a; b\nc": "a; b; c",
  "a 'b  c' d": "a <b  c> d",
  "a 'it'\\''s'": "a <it's>",
  'a "x $y ${z} \\$ \\" \\\\ \\n"': 'a <x ><${y}>< ><${z}>< $ " \\ \\n>',
  "a $b${c}d": "a ${b}${c}d",
  "a b\\ c": "a b< >c",
  "a b \\\n  c": "a b c",
  "a b\\\nc": "a bc",
  "a \\\r\nb": "a b",
  "# comment; { '\na # more\nb": "a; b",
  "a b#c": "a b#c",
  "a ''": "a <>",
  "a\u00a0b c\u3000\nd\fe\u2028": "a\u00a0b c\u3000; d\fe\u2028",
  "a $": "a $",
  "a $1 $# $? $@": "a ${1} ${#} ${?} ${@}",
  "menuentry 'x' {\n linux /a\n}": "menuentry <x> { linux /a }",
  "menuentry x {a;b}": "menuentry x { a; b }",
  "if a; then b; fi": "if(a){b}else{}",
  "if a\nthen b\nelif c ; then d\nelse e\nfi": "if(a){b}if(c){d}else{e}",
  'if [ -n "$a" ]; then b; fi': "if([ -n <><${a}> ]){b}else{}",
  "if ! a; then b; fi": "if(not(a)){b}else{}",
  "function f { a; }": "function f{a}",
  "function f\n{ a\n}": "function f{a}",
  "for x in 1 2; do a $x; done": "for x in 1 2{a ${x}}",
  "while a; do b; done": "while(a){b}",
  "until a; do b; done": "until(a){b}",
  "'if' a": "<if> a",
};

for (const [text, tree] of Object.entries(cases)) {
  Deno.test(`reads ${JSON.stringify(text)}`, () => assert.equal(show(parseGrubScript(text)), tree));
}

const wrong: Readonly<Record<string, string>> = {
  "a 'b": "line 1: a ' is not closed",
  'a\nb "c': 'line 2: a " is not closed',
  "if a; then b": 'line 1: wanted "fi", found the end',
  "if a; fi": 'line 1: wanted "then", found the end',
  "menuentry x {\na\n": 'line 1: a "{" is not closed',
  "a\n}": "line 2: unexpected }",
  "function f a": 'line 1: wanted "{", found "a"',
};

for (const [text, message] of Object.entries(wrong)) {
  Deno.test(`refuses ${JSON.stringify(text)} with the line`, () => {
    assert.throws(
      () => parseGrubScript(text),
      (error) => error instanceof GrubSyntaxError && error.message === message,
    );
  });
}

Deno.test("nesting without end is refused, not run out of stack", () => {
  assert.throws(() => parseGrubScript("{ ".repeat(100_000)), GrubSyntaxError);
  assert.throws(() => parseGrubScript("! ".repeat(100_000)), GrubSyntaxError);
});
