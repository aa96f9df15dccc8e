import assert from "node:assert/strict";
import { readGrubScript, type Statement, type Word } from "./grub_script.ts";

/** A tree as short text: quoted text in <…>, variables as ${…} or <${…}>. */
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
        return `${statement.isUntil ? "until" : "while"}(${show(statement.condition)}){${show(statement.body)}}`;
      case "function":
        return `function ${statement.name}{${show(statement.body)}}`;
    }
  }).join("; ");
}

function showWord(word: Word): string {
  return word.map((part) => {
    const text = part.kind === "text" ? part.text : `\${${part.name}}`;
    return part.isQuoted ? `<${text}>` : text;
  }).join("");
}

/** The pieces of a script: what GRUB runs, or why it skips a piece. */
function read(text: string): readonly string[] {
  return [...readGrubScript(text)].map((piece) =>
    piece.kind === "mistake" ? piece.error.message : show(piece.statements)
  )
    .filter(Boolean);
}

const cases: Readonly<Record<string, readonly string[]>> = {
  "set default=0": ["set default=0"],
  "a; b\nc": ["a; b", "c"],
  "a;\nb": ["a", "b"],
  "a 'b  c' d": ["a <b  c> d"],
  "a 'it'\\''s'": ["a <it's>"],
  'a "x $y ${z} \\$ \\" \\\\ \\n"': ['a <x ><${y}>< ><${z}>< $ " \\ \\n>'],
  "a $b${c}d": ["a ${b}${c}d"],
  "a b\\ c": ["a b< >c"],
  "a b \\\n  c": ["a b c"],
  "a b\\\nc": ["a bc"],
  'a "b\\\nc"': ["a <bc>"],
  "a \\\r\nb": ["a b"],
  "# comment; { '\na # more\nb": ["a", "b"],
  "a b#c": ["a b#c"],
  "a ''": ["a <>"],
  "a\u00a0b c\u3000\nd\fe\u2028": ["a\u00a0b c\u3000", "d\fe\u2028"],
  "a $1 $# $? $@ $* ${10}": ["a ${1} ${#} ${?} ${@} ${*} ${10}"],
  "menuentry 'x' {\n linux /a\n}": ["menuentry <x> { linux /a }"],
  "menuentry x {a;b}": ["menuentry x { a; b }"],
  "menuentry x { a\n\n b;\n}\n": ["menuentry x { a; b }"],
  "if a; then b; fi": ["if(a){b}else{}"],
  "if a\nthen b\nelif c ; then d\nelse e\nfi": ["if(a){b}if(c){d}else{e}"],
  'if [ -n "$a" ]; then b; fi': ["if([ -n <><${a}> ]){b}else{}"],
  "if ! a; then b; fi": ["if(! a){b}else{}"],
  "function f { a; }": ["function f{a}"],
  "function f\n{ a\n}": ["function f{a}"],
  "for x in 1 2; do a $x; done": ["for x in 1 2{a ${x}}"],
  "for x in; do a; done": ["for x in {a}"],
  "while a; do b; done": ["while(a){b}"],
  "until a; do b; done": ["until(a){b}"],
  "'if' a": ["<if> a"],
  "echo if then fi done in": ["echo if then fi done in"],
  // U4
  "a $10 $1x": ["a ${10} ${1}x"],
  'a $"Linux" x$"y"': ["a <Linux> x<y>"],
  'a $"$b ${c} $ \\" \\$"': ['a <><${b}>< ><${c}>< $ " $>'],
  // U2: what cannot be read is left out, with the line it is in; the next line is read again.
  "a\n}\nb": ["a", 'line 2: wanted a command, found "}"', "b"],
  "a; }\nb": ['line 1: wanted a command, found "}"', "b"],
  "menuentry x { a; } }\nb": ['line 1: wanted the end of the statement, found "}"', "b"],
  "a ;; b\nc": ['line 1: wanted the end of the statement, found ";;"', "c"],
  "; a\nb": ['line 1: wanted a command, found ";"', "b"],
  "a || b\nc": ['line 1: wanted the end of the statement, found "||"', "c"],
  "set a=1>2\nc": ['line 1: wanted the end of the statement, found ">"', "c"],
  "menuentry x {\n}\nb": ['line 2: wanted a command, found "}"', "b"],
  "menuentry x { # a\n b\n # c\n}\nd": ["menuentry x { b }", "d"],
  "if a; then\nfi\nb": ['line 2: wanted a command, found "fi"', "b"],
  "if a; fi\nb": ['line 1: wanted a command, found "fi"', "b"],
  "function f { a }\nb": ['line 1: wanted a ";" or the end of the line, found "}"', "b"],
  "if a; then\nfunction f { b; }\nfi": [
    'line 2: wanted a command, found "function"',
    'line 3: wanted a command, found "fi"',
  ],
  "function a-b { c; }": ['line 1: wanted a name, found "a-b"'],
  "function f a": ['line 1: wanted "{", found "a"'],
  "[[ a ]]": ['line 1: wanted a command, found "[["'],
  "{ a; }": ['line 1: wanted a command, found "{"'],
  "a $\nb": ["line 1: a $ that names no variable", "b"],
  'a "5 $"\nb': ["line 1: a $ that names no variable", "b"],
  // The word is read to its end before anything is looked for in it.
  'a "x $\n" b\nc': ["line 1: a $ that names no variable", "c"],
  "a ${b\nc": ["line 1: a $ that names no variable", "c"],
  "a\nb 'c\nd\ne": ["a", "line 2: a ' is not closed"],
  'a\nb "c\nd': ["a", 'line 2: a " is not closed'],
  "menuentry 'Joe's Linux' { a; }\nb": ["line 1: a ' is not closed"],
  "a\nif b; then\nc\nmenuentry x { d; }": ["a", 'line 2: a "if" is not closed'],
  "a\nwhile b; do\nif c; then d": ["a", 'line 3: a "if" is not closed'],
  "menuentry x {\n# }\na\n": ['line 1: a "{" is not closed'],
  // A line that begins with "#" is dropped before anything else is looked at.
  "a 'b\n# it's\nc'": ["a <b\nc>"],
};

for (const [text, pieces] of Object.entries(cases)) {
  Deno.test(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), pieces));
}

Deno.test("U2: an apostrophe in a title pairs with the next one, wherever that is", () => {
  const text = "menuentry 'Joe's Linux' {\n a\n}\nmenuentry 'Other' {\n b\n}\nc '\nd";
  assert.deepEqual(read(text), ["menuentry <Joe>s Linux< {\n a\n}\nmenuentry >Other< {\n b\n}\nc >", "d"]);
});

Deno.test("nesting without end is refused, not run out of stack", () => {
  assert.match(read("x { ".repeat(100_000))[0] ?? "", /nested too deeply/);
  assert.match(read("if ".repeat(100_000))[0] ?? "", /nested too deeply/);
});
