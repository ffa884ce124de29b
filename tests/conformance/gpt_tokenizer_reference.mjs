// npm gpt-tokenizer, timed as encode_file.c and tiktoken_reference.mjs are:
//   node gpt_tokenizer_reference.mjs encode|countTokens ENCODING INPUT PASSES
// Of time on the clock and on processors (its collector has threads of its own) the lesser counts.
import { readFileSync } from 'node:fs';

const [what, encoding, input, passes] = process.argv.slice(2);
const tokenizer = await import(`gpt-tokenizer/encoding/${encoding}`);
const text = readFileSync(input, 'utf8');
let answer;
for (let i = 0; i < Number(passes); i++) {
  const begun = process.cpuUsage(), wall = process.hrtime.bigint();
  answer = tokenizer[what](text, { disallowedSpecial: new Set() });
  const { user, system } = process.cpuUsage(begun);
  console.log(String(Math.min((user + system) * 1000, Number(process.hrtime.bigint() - wall))));
}
console.log(String(answer.length ?? answer));
