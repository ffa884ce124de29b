// npm @google/genai: it speaks Gemini's own API and nothing else.
import { GoogleGenAI } from "@google/genai";
import { leave, PIXEL, QUESTION, RESULTS, SCHEMA, SYSTEM, TOOLS } from "./shared.mjs";

const tools = [{ functionDeclarations: TOOLS.map(({ name, description, schema }) => (
  { name, description, parametersJsonSchema: schema })) }];

function told(parts, finish, usage) {
  const text = (thought) => parts.filter((p) => p.text && !!p.thought === thought)
    .map((p) => p.text).join("");
  const signed = parts.find((p) => p.thoughtSignature);
  return {
    text: text(false),
    thinking: text(true),
    signature: signed?.thoughtSignature ?? "",
    calls: parts.filter((p) => p.functionCall).map((p) => [p.functionCall.name, p.functionCall.args]),
    finish,
    usage: [usage.promptTokenCount, (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0)],
  };
}

export default function make({ url, key, model }) {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, timeout: 20_000 } });
  const body = (script, { contents, ...config } = {}) => ({
    model: model(script), contents: contents ?? QUESTION,
    config: { systemInstruction: SYSTEM, maxOutputTokens: 500, ...config } });
  const ask = (script, more) => client.models.generateContent(body(script, more));
  const whole = (a) => told(a.candidates[0].content.parts, a.candidates[0].finishReason, a.usageMetadata);
  const streamed = async (script, more) => {
    const parts = [];
    let last;
    for await (const chunk of await client.models.generateContentStream(body(script, more))) {
      parts.push(...(chunk.candidates[0].content?.parts ?? []));
      last = chunk;
    }
    return told(parts, last.candidates[0].finishReason, last.usageMetadata);
  };
  const user = (...parts) => ({ role: "user", parts });
  return {
    chat: async () => whole(await ask("plain")),
    stream: () => streamed("plain"),
    async tools() {
      const first = await ask("tools", { tools });
      const results = first.functionCalls.map((c) => (
        { functionResponse: { name: c.name, response: { output: RESULTS[c.name] } } }));
      const second = await ask("plain", { tools, contents: [
        user({ text: QUESTION }), first.candidates[0].content, user(...results)] });
      return { ...whole(first), then: second.text };
    },
    tools_stream: () => streamed("tools", { tools }),
    image: async () => whole(await ask("plain", { contents: [user(
      { text: QUESTION }, { inlineData: { mimeType: "image/png", data: PIXEL } })] })),
    structured: async () => JSON.parse((await ask("plain", {
      responseMimeType: "application/json", responseJsonSchema: SCHEMA })).text),
    async thinking() {
      const first = await ask("think", { thinkingConfig: { includeThoughts: true } });
      await ask("plain", { contents: [
        user({ text: QUESTION }), first.candidates[0].content, user({ text: "go on" })] });
      return { ...await streamed("think"), sends_back: true };
    },
    error: () => ask("invalid"),
    async abort() {
      const controller = new AbortController();
      const stream = await client.models.generateContentStream(
        body("slow", { abortSignal: controller.signal }));
      return leave(stream, () => controller.abort());
    },
  };
}
