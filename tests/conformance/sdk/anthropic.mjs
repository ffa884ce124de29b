// npm @anthropic-ai/sdk.
import Anthropic from "@anthropic-ai/sdk";
import { leave, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = TOOLS.map(({ name, description, schema }) => (
  { name, description, input_schema: schema }));

function told(answer) {
  const of = (type) => answer.content.filter((b) => b.type === type);
  const u = answer.usage;
  return {
    text: of("text").map((b) => b.text).join(""),
    thinking: of("thinking").map((b) => b.thinking).join(""),
    signature: of("thinking").map((b) => b.signature).join(""),
    calls: of("tool_use").map((b) => [b.name, b.input]),
    finish: answer.stop_reason,
    usage: [u.input_tokens + (u.cache_read_input_tokens ?? 0), u.output_tokens],
  };
}

export default function make({ url, key, model }) {
  const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 20_000 });
  const body = (script, more = {}) => ({
    model: model(script), max_tokens: 500, system: SYSTEM,
    messages: [{ role: "user", content: QUESTION }], ...more });
  const ask = (script, more) => client.messages.create(body(script, more));
  const streamed = async (script, more) => {
    const stream = client.messages.stream(body(script, more));
    let text = "";
    stream.on("text", (piece) => { text += piece; });
    const answer = told(await stream.finalMessage());
    if (answer.text !== text) throw new Error(`deltas say ${text}`);
    return answer;
  };
  return {
    chat: async () => told(await ask("plain")),
    stream: () => streamed("plain"),
    async tools() {
      const first = await ask("tools", { tools });
      const results = first.content.filter((b) => b.type === "tool_use").map((b) => (
        { type: "tool_result", tool_use_id: b.id, content: RESULTS[b.name] }));
      const second = await ask("plain", { tools, messages: [
        { role: "user", content: QUESTION }, { role: "assistant", content: first.content },
        { role: "user", content: results }] });
      return { ...told(first), then: told(second).text };
    },
    tools_stream: () => streamed("tools", { tools }),
    image: async () => told(await ask("plain", { messages: [{ role: "user", content: [
      { type: "text", text: QUESTION },
      { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } }] }] })),
    structured: async () => JSON.parse(told(await ask("plain", {
      output_config: { format: { type: "json_schema", schema: SCHEMA } } })).text),
    async thinking() {
      const thinking = { type: "enabled", budget_tokens: 1024 };
      const more = { max_tokens: 2000, thinking };
      const first = await ask("think", more);
      await ask("plain", { ...more, messages: [
        { role: "user", content: QUESTION }, { role: "assistant", content: first.content },
        { role: "user", content: "go on" }] });
      return { ...await streamed("think", more), sends_back: true };
    },
    error: () => ask("invalid"),
    async abort() {
      const stream = await ask("slow", { stream: true });
      return leave(stream, () => stream.controller.abort());
    },
  };
}
