// npm openai, its responses.
import OpenAI from "openai";
import { leave, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = TOOLS.map(({ name, description, schema }) => (
  { type: "function", name, description, parameters: schema, strict: true }));

function told(answer) {
  const calls = answer.output.filter((i) => i.type === "function_call");
  const thoughts = answer.output.filter((i) => i.type === "reasoning");
  return {
    text: answer.output_text,
    thinking: thoughts.flatMap((i) => i.summary.map((s) => s.text)).join(""),
    calls: calls.map((c) => [c.name, JSON.parse(c.arguments)]),
    finish: answer.status,
    usage: [answer.usage.input_tokens, answer.usage.output_tokens],
  };
}

export default function make({ url, key, model }) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 });
  const body = (script, more = {}) => ({
    model: model(script), instructions: SYSTEM, input: QUESTION, max_output_tokens: 500,
    store: false, ...more });
  const ask = (script, more) => client.responses.create(body(script, more));
  const streamed = async (script, more) => {
    const stream = client.responses.stream(body(script, more));
    let text = "";
    stream.on("response.output_text.delta", (e) => { text += e.delta; });
    const answer = await stream.finalResponse();
    if (answer.output_text !== text) throw new Error(`deltas say ${text}`);
    return told(answer);
  };
  return {
    chat: async () => told(await ask("plain")),
    stream: () => streamed("plain"),
    async tools() {
      const first = await ask("tools", { tools });
      const results = first.output.filter((i) => i.type === "function_call").map((c) => (
        { type: "function_call_output", call_id: c.call_id, output: RESULTS[c.name] }));
      const second = await ask("plain", { tools, input: [
        { role: "user", content: QUESTION }, ...first.output, ...results] });
      return { ...told(first), then: second.output_text };
    },
    tools_stream: () => streamed("tools", { tools }),
    image: async () => told(await ask("plain", { input: [{ role: "user", content: [
      { type: "input_text", text: QUESTION },
      { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${PIXEL}` }] }] })),
    structured: async () => JSON.parse((await ask("plain", { text: { format: {
      type: "json_schema", name: "trip", strict: true, schema: SCHEMA } } })).output_text),
    async thinking() {
      const first = await ask("think", { include: ["reasoning.encrypted_content"] });
      await ask("plain", { input: [
        { role: "user", content: QUESTION }, ...first.output, { role: "user", content: "go on" }] });
      return { ...await streamed("think"), sends_back: true };
    },
    error: () => ask("invalid"),
    async abort() {
      const stream = await ask("slow", { stream: true });
      return leave(stream, () => stream.controller.abort());
    },
  };
}
