// The shared script with one client; prints what a program using it would see, as JSON.
// node sdk_matrix.mjs CLIENT BASE_URL KEY MODELS SCENARIO…
// MODELS is JSON: which model does what (plain, tools, think, invalid, slow).
const clients = {
  "openai": () => import("./sdk/openai_chat.mjs").then((m) => m.default),
  "openai responses": () => import("./sdk/openai_responses.mjs").then((m) => m.default),
  "@anthropic-ai/sdk": () => import("./sdk/anthropic.mjs").then((m) => m.default),
  "@google/genai": () => import("./sdk/google.mjs").then((m) => m.default),
  "ollama": () => import("./sdk/ollama.mjs").then((m) => m.default),
  "ai openai": async () => {
    const { createOpenAI } = await import("@ai-sdk/openai");
    const { default: make } = await import("./sdk/ai.mjs");
    return make(({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }));
  },
  "ai openai-compatible": async () => {
    const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
    const { default: make } = await import("./sdk/ai.mjs");
    return make(({ url, key }) => createOpenAICompatible({
      name: "suite", baseURL: `${url}/v1`, apiKey: key, includeUsage: true,
      supportsStructuredOutputs: true }));
  },
  "ai anthropic": async () => {
    const { createAnthropic } = await import("@ai-sdk/anthropic");
    const { default: make } = await import("./sdk/ai.mjs");
    return make(({ url, key }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key }));
  },
};

function failure(error) {
  return { error: error.constructor.name, status: error.status ?? error.statusCode ?? error.status_code,
    message: String(error.message).slice(0, 500) };
}

const [client, url, key, names, ...scenarios] = process.argv.slice(2);
const models = JSON.parse(names);
const make = await clients[client]();
const seen = {};
for (const scenario of scenarios) {
  const used = scenario === "bad_key" ? "sk-nobody" : key;
  const script = make({ url, key: used, model: (name) => models[name] });
  try {
    seen[scenario] = await script[scenario === "bad_key" ? "chat" : scenario]();
  } catch (error) {
    seen[scenario] = failure(error);
  }
}
console.log(JSON.stringify(seen));
