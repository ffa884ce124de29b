// What the reference makes of chats: node chat_reference.mjs ENCODING < JSON lines, a request each; prints a number a line.
// Without an ENCODING: the requests that it is tested with, and what was billed for them.
import { readFileSync } from 'node:fs';

const INSIDE = './node_modules/gpt-tokenizer/esm'; // what the package does not export
const [encoding] = process.argv.slice(2);
if (encoding) {
  const { countTokens } = await import(`gpt-tokenizer/encoding/${encoding}`);
  const { computeChatCompletionTokenCount } = await import(`${INSIDE}/functionCalling.js`);
  const count = (text) => countTokens(text, { disallowedSpecial: new Set() });
  for (const line of readFileSync(0, 'utf8').split('\n'))
    if (line) console.log(computeChatCompletionTokenCount(JSON.parse(line), count));
} else {
  const { functionCallingTestCases } = await import(`${INSIDE}/fixtures/functionCallingTestCases.js`);
  console.log(JSON.stringify(functionCallingTestCases));
}
