// npm ollama: it speaks Ollama's own API and nothing else.
import { Ollama } from "ollama";
import { leave, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = TOOLS.map(({ name, description, schema }) => (
  { type: "function", function: { name, description, parameters: schema } }));

function told(message, end) {
  return {
    text: message.content,
    thinking: message.thinking ?? "",
    calls: (message.tool_calls ?? []).map((c) => [c.function.name, c.function.arguments]),
    finish: end.done_reason,
    usage: [end.prompt_eval_count, end.eval_count],
  };
}

export default function make({ url, model }) {
  const client = new Ollama({ host: url });
  const ask = (script, more = {}) => client.chat({
    model: model(script), messages: [{ role: "system", content: SYSTEM },
      { role: "user", content: QUESTION }], ...more });
  const whole = async (script, more) => {
    const answer = await ask(script, more);
    return told(answer.message, answer);
  };
  const streamed = async (script, more) => {
    const message = { content: "", thinking: "", tool_calls: [] };
    let last;
    for await (const part of await ask(script, { ...more, stream: true })) {
      message.content += part.message.content;
      message.thinking += part.message.thinking ?? "";
      message.tool_calls.push(...(part.message.tool_calls ?? []));
      last = part;
    }
    return told(message, last);
  };
  return {
    chat: () => whole("plain"),
    stream: () => streamed("plain"),
    async tools() {
      const first = await ask("tools", { tools });
      const results = first.message.tool_calls.map((c) => (
        { role: "tool", tool_name: c.function.name, content: RESULTS[c.function.name] }));
      const second = await whole("plain", { tools, messages: [
        { role: "user", content: QUESTION }, first.message, ...results] });
      return { ...told(first.message, first), then: second.text };
    },
    tools_stream: () => streamed("tools", { tools }),
    image: () => whole("plain", { messages: [{ role: "user", content: QUESTION, images: [PIXEL] }] }),
    structured: async () => JSON.parse((await whole("plain", { format: SCHEMA })).text),
    thinking: () => streamed("think", { think: true }),
    error: () => ask("invalid"),
    async abort() {
      const stream = await ask("slow", { stream: true });
      return leave(stream, () => stream.abort());
    },
  };
}
