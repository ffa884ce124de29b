// One scenario with the official OpenAI SDK; prints what the program using it would see, as JSON.
// node openai_sdk.mjs SCENARIO BASE_URL KEY MODEL
import OpenAI from "openai";

const [scenario, baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });
const messages = [{ role: "user", content: "hello world" }];

async function collect(stream) {
  const seen = { text: "", finish: null, usage: null, chunks: 0 };
  for await (const chunk of stream) {
    seen.chunks += 1;
    seen.text += chunk.choices[0]?.delta?.content ?? "";
    seen.finish = chunk.choices[0]?.finish_reason ?? seen.finish;
    seen.usage = chunk.usage ?? seen.usage;
  }
  return seen;
}

const scenarios = {
  async chat() {
    const answer = await client.chat.completions.create({ model, messages });
    return {
      text: answer.choices[0].message.content,
      finish: answer.choices[0].finish_reason,
      usage: answer.usage,
      request_id: answer._request_id,
    };
  },
  async stream() {
    return collect(await client.chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true },
    }));
  },
  // The helper that puts a stream together and checks it while doing so.
  async runner() {
    const stream = client.chat.completions.stream({ model, messages });
    const answer = await stream.finalChatCompletion();
    return { text: answer.choices[0].message.content, finish: answer.choices[0].finish_reason };
  },
  async models() {
    const ids = [];
    for await (const entry of client.models.list()) ids.push(entry.id);
    return { ids };
  },
  async abort() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const seen = { chunks: 0 };
    for await (const chunk of stream) {
      seen.chunks += chunk.choices.length;
      if (seen.chunks === 3) {
        seen.left_us = Number(process.hrtime.bigint() / 1000n);
        stream.controller.abort();
      }
    }
    return seen;
  },
};

try {
  console.log(JSON.stringify(await scenarios[scenario]()));
} catch (error) {
  if (!(error instanceof OpenAI.OpenAIError)) throw error;
  const { name, status, code, type, message, requestID } = error;
  console.log(JSON.stringify({
    error: error.constructor.name, name, status, code, type, message, request_id: requestID,
    is_api_error: error instanceof OpenAI.APIError,
  }));
}
