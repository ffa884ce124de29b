// npm ai (Vercel), with one of its providers.
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { now, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = Object.fromEntries(TOOLS.map(({ name, description, schema }) => (
  [name, tool({ description, inputSchema: jsonSchema(schema), execute: async () => RESULTS[name] })])));
const shown = Object.fromEntries(TOOLS.map(({ name, description, schema }) => (
  [name, tool({ description, inputSchema: jsonSchema(schema) })])));

globalThis.AI_SDK_LOG_WARNINGS = false;
// Nothing is stored: items go whole, not by reference. Other providers do not look at it.
const STATELESS = { store: false, include: ["reasoning.encrypted_content"] };

async function told(answer) {
  const usage = await answer.usage;
  return {
    text: await answer.text,
    thinking: (await answer.reasoningText) ?? "",
    calls: (await answer.toolCalls).map((c) => [c.toolName, c.input]),
    finish: await answer.finishReason,
    usage: [usage.inputTokens, usage.outputTokens],
  };
}

export default function make(provider) {
  return ({ url, key, model }) => {
    const of = provider({ url, key });
    const options = (script, more = {}) => ({
      model: of(model(script)), system: SYSTEM, prompt: QUESTION, maxOutputTokens: 500,
      maxRetries: 0, providerOptions: { openai: STATELESS }, ...more });
    const streamed = async (script, more) => {
      let failure = null;
      const answer = streamText({ ...options(script, more), onError: ({ error }) => { failure = error; } });
      let text = "";
      for await (const piece of answer.textStream) text += piece;
      if (failure) throw failure;
      const said = await told(answer);
      if (said.text !== text) throw new Error(`deltas say ${text}`);
      return said;
    };
    return {
      chat: async () => told(await generateText(options("plain"))),
      stream: () => streamed("plain"),
      async tools() {
        const first = await generateText(options("tools", { tools: shown }));
        const results = first.toolCalls.map((c) => ({ type: "tool-result", toolCallId: c.toolCallId,
          toolName: c.toolName, output: { type: "text", value: RESULTS[c.toolName] } }));
        const { prompt, ...rest } = options("plain", { tools: shown });
        const second = await generateText({ ...rest, messages: [
          { role: "user", content: prompt }, ...first.response.messages,
          { role: "tool", content: results }] });
        return { ...await told(first), then: second.text };
      },
      tools_stream: () => streamed("tools", { tools, stopWhen: stepCountIs(1) }),
      async image() {
        const { prompt, ...rest } = options("plain");
        return told(await generateText({ ...rest, messages: [{ role: "user", content: [
          { type: "text", text: prompt },
          { type: "image", image: PIXEL, mediaType: "image/png" }] }] }));
      },
      structured: async () => (await generateObject(options("plain", {
        schema: jsonSchema(SCHEMA), schemaName: "trip" }))).object,
      structured_by_format: async () => (await generateObject(options("plain", {
        schema: jsonSchema(SCHEMA), schemaName: "trip",
        providerOptions: { anthropic: { structuredOutputMode: "outputFormat" } } }))).object,
      thinking: () => streamed("think"),
      error: () => generateText(options("invalid")),
      async abort() {
        const controller = new AbortController();
        const answer = streamText({ ...options("slow"), abortSignal: controller.signal, onError() {} });
        const seen = { pieces: 0 };
        for await (const _ of answer.textStream) {
          seen.pieces += 1;
          if (seen.pieces === 3) {
            seen.left_us = now();
            controller.abort();
          }
        }
        return seen;
      },
    };
  };
}
