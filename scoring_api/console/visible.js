// Text from outside as a person may read it: what cannot be seen, or looks like another, is named.
// `pipeline/text/visible.py` does the same for the terminal; both pass tests/visible_cases.json.

import table from "/console/confusables.js";

const LOOKS_LIKE = new Map(Object.entries(table.looks_like)
  .flatMap(([key, ones]) => [...ones].map((one) => [one, key])));
const AS_ASCII = new Map(Object.entries(table.ascii));

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Zs}]/u;
// Marks and letters without ink, and what Unicode keeps free for more of them.
const BLANK = new RegExp("[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2065\\u2800\\u3164"
  + "\\ufe00-\\ufe0f\\uffa0\\ufff0-\\ufff8\\u{1bca0}-\\u{1bca3}\\u{e0000}-\\u{e0fff}]", "u");
const WORD = /[\p{L}\p{M}\p{N}]/u;
const LETTER = /\p{L}/u;
const ACCENT = /\p{M}/u;
const LONGEST_STACK = 32; // marks on one character that are compared with its usual spelling
const DASH = /\p{Pd}/u;
const ASCII = /^[\u0000-\u007f]*$/;
const PLAIN = /^[ -~]*$/;
const SPACE = /^ | $|(?<= ) /g; // of an id: one that a browser would swallow
const MARK = "\u27e8";

const isHidden = (char) => char !== " " && (HIDDEN.test(char) || BLANK.test(char));
const code = (char) =>
  `\u27e8U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`;

function words(chars) {
  const parts = [];
  for (const char of chars) {
    const isWord = WORD.test(char) && !isHidden(char);
    if (parts.at(-1)?.isWord !== isWord) parts.push({ isWord, chars: [] });
    parts.at(-1).chars.push(char);
  }
  return parts;
}

function word(chars, name) {
  const letters = chars.filter((char) => LETTER.test(char));
  const mixed = letters.some((char) => PLAIN.test(char));
  const alike = letters.length > 0 && letters.every((char) => LOOKS_LIKE.has(char));
  return chars.map((char) => (LOOKS_LIKE.has(char)
    && (mixed || alike || (name && !LETTER.test(char))) ? char + code(char) : char));
}

// Where a character looks as if it were another one, or a part of the one before: what normal
// form C changes, and marks on an ASCII character.
function unusuallySpelt(chars) {
  const found = [];
  let stack = [], spelt = "";
  for (const [at, char] of chars.entries()) {
    let both = [...stack, char].join("").normalize("NFC");
    const accent = ACCENT.test(char);
    if (both !== spelt + char
      || (accent && ((stack[0] ?? "") <= "\u007f" || stack.length > LONGEST_STACK))) found.push(at);
    else if (!accent) [stack, both] = [[], char];
    if (stack.length <= LONGEST_STACK) [stack, spelt] = [[...stack, char], both];
  }
  return found;
}

// An ASCII character in another form, as a ligature, or another dash.
const isDressed = (char) => char > "\u007f" && (DASH.test(char) || ASCII.test(char.normalize("NFKC")));

function sign(char, name) {
  if (isHidden(char)) return code(char);
  return char === MARK || (name && LOOKS_LIKE.has(char)) ? char + code(char) : char;
}

// With `name` the text is an id: signs and digits that look like ASCII ones are named too, which
// prose may hold, marks of an unusual spelling, and spaces at its ends or after another.
export function visible(text, { name = false } = {}) {
  if (PLAIN.test(text)) return name ? text.replace(SPACE, code(" ")) : text;
  const chars = [...text];
  const shown = words(chars).flatMap((part) => (part.isWord
    ? word(part.chars, name) : part.chars.map((char) => sign(char, name))));
  if (!name) return shown.join("");
  const dressed = [...chars.keys()].filter((at) => isDressed(chars[at]));
  for (const at of [...unusuallySpelt(chars), ...dressed]) if (shown[at] === chars[at]) shown[at] += code(chars[at]);
  return shown.join("").replace(SPACE, code(" "));
}

// What a text looks like: equal for texts that a person may take for one another.
export function skeleton(text) {
  return [...text.normalize("NFKD")].filter((char) => !isHidden(char)).map((char) => LOOKS_LIKE.get(char) ?? char)
    .map((char) => AS_ASCII.get(char) ?? char).join("");
}

function shared(one, other) {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

function differing(name, others) {
  const chars = [...name], rest = others.map((one) => [...one]);
  const head = Math.min(...rest.map((one) => shared(chars, one)));
  const ends = rest.map((one) => shared(chars.toReversed(), one.toReversed()));
  const room = rest.map((one) => Math.min(chars.length, one.length) - head);
  const end = chars.length - Math.min(...ends, ...room);
  const shown = (from, to) => visible(chars.slice(from, to).join(""), { name: true });
  const middle = chars.slice(head, end).map((char) => (isHidden(char) ? "" : char) + code(char));
  return shown(0, head) + middle.join("") + shown(end);
}

// Ids as they may be shown together, by id; where two look alike, what differs is named.
export function toldApart(names) {
  const given = [...new Set(names)], alike = new Map(), shown = new Map();
  for (const name of given) {
    const key = skeleton(name);
    alike.set(key, [...(alike.get(key) ?? []), name]);
  }
  for (const name of given) {
    const plain = visible(name, { name: true });
    const rivals = alike.get(skeleton(name)).filter((one) => one !== name
      && skeleton(visible(one, { name: true })) === skeleton(plain));
    shown.set(name, rivals.length ? differing(name, rivals) : plain);
  }
  return shown;
}
