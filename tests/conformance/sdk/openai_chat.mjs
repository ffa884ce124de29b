// npm openai, its chat completions.
import OpenAI from "openai";
import { leave, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = TOOLS.map(({ name, description, schema }) => (
  { type: "function", function: { name, description, parameters: schema } }));

function told(message, finish, usage) {
  return {
    text: message.content ?? "",
    thinking: message.reasoning_content ?? "",
    calls: (message.tool_calls ?? []).map((c) => [c.function.name, JSON.parse(c.function.arguments)]),
    finish,
    usage: usage && [usage.prompt_tokens, usage.completion_tokens],
  };
}

export default function make({ url, key, model }) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 });
  const ask = (script, more = {}) => client.chat.completions.create({
    model: model(script), max_completion_tokens: 500, temperature: 0.5,
    messages: [{ role: "system", content: SYSTEM }, { role: "user", content: QUESTION }], ...more,
  });
  const whole = async (script, more) => {
    const answer = await ask(script, more);
    return told(answer.choices[0].message, answer.choices[0].finish_reason, answer.usage);
  };
  const streamed = async (script, more) => {
    const { messages, ...rest } = more ?? {};
    const stream = client.chat.completions.stream({
      model: model(script), max_completion_tokens: 500, stream_options: { include_usage: true },
      messages: messages ?? [{ role: "system", content: SYSTEM }, { role: "user", content: QUESTION }],
      ...rest,
    });
    let thinking = "";
    for await (const chunk of stream) thinking += chunk.choices[0]?.delta?.reasoning_content ?? "";
    const { message, finish_reason: finish } = (await stream.finalChatCompletion()).choices[0];
    return { ...told(message, finish, await stream.totalUsage()), thinking };
  };
  const conversation = (calls) => [
    { role: "user", content: QUESTION },
    { role: "assistant", content: null, tool_calls: calls },
    ...calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: RESULTS[c.function.name] })),
  ];
  return {
    chat: () => whole("plain"),
    stream: () => streamed("plain"),
    async tools() {
      const first = await ask("tools", { tools });
      const { message, finish_reason: finish } = first.choices[0];
      return { ...told(message, finish, first.usage),
        then: (await whole("plain", { tools, messages: conversation(message.tool_calls) })).text };
    },
    tools_stream: () => streamed("tools", { tools }),
    image: () => whole("plain", { messages: [{ role: "user", content: [
      { type: "text", text: QUESTION },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }] }] }),
    structured: async () => JSON.parse((await whole("plain", { response_format: {
      type: "json_schema", json_schema: { name: "trip", strict: true, schema: SCHEMA } } })).text),
    thinking: () => streamed("think"),
    error: () => ask("invalid"),
    async abort() {
      const stream = await ask("slow", { stream: true });
      return leave(stream, () => stream.controller.abort());
    },
  };
}
