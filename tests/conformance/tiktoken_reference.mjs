// The reference tokenizer, with the interface of encode_file.c:
//   node tiktoken_reference.mjs ids ENCODING INPUT
//   node tiktoken_reference.mjs time ENCODING INPUT PASSES
import { readFileSync, writeSync } from 'node:fs';
import { get_encoding } from 'tiktoken';

const [mode, encoding, input, passes] = process.argv.slice(2);
const tokenizer = get_encoding(encoding);
const bytes = readFileSync(input);

function write(buffer) {
  for (let at = 0; at < buffer.length;) at += writeSync(1, buffer, at);
}

if (mode === 'ids') {
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    const ids = tokenizer.encode_ordinary(bytes.toString('utf8', at + 4, end));
    const answer = new Uint32Array(ids.length + 1);
    answer[0] = ids.length;
    answer.set(ids, 1);
    write(Buffer.from(answer.buffer));
    at = end;
  }
} else {
  const text = bytes.toString('utf8');
  let count = 0;
  for (let i = 0; i < Number(passes); i++) {
    const begun = process.cpuUsage();
    count = tokenizer.encode_ordinary(text).length;
    const { user, system } = process.cpuUsage(begun);
    console.log(String((user + system) * 1000));
  }
  console.log(String(count));
}
