// What every client is asked to do, and the plain form in which it tells what it got.
export const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const QUESTION = "hello world";
export const SYSTEM = "be brief";
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};
export const TOOLS = [
  { name: "weather", description: "How the weather will be.", schema: SCHEMA },
  { name: "clock", description: "What time it is.", schema: SCHEMA },
];
export const RESULTS = { weather: "sunny", clock: "noon" };

export function now() {
  return Number(process.hrtime.bigint() / 1000n);
}

// Reads a stream until three pieces of it have come, leaves, and says when.
export async function leave(stream, stop) {
  let pieces = 0;
  const seen = {};
  try {
    for await (const _ of stream) {
      pieces += 1;
      if (pieces === 3) {
        seen.left_us = now();
        stop();
      }
    }
  } catch (error) {
    if (error.name !== "AbortError" && error.constructor.name !== "APIUserAbortError") throw error;
  }
  return { ...seen, pieces };
}
