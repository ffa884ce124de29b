/* Which models are there, and how long is a prompt? The lists and counts of each dialect. */
#include "sim_answer.h"
#include "sim_anthropic.h"
#include "sim_gemini.h"
#include "sim_openai.h"
#include "sim_side.h"

#include <inttypes.h>

#define ADD sim_answer_add

static void write_anthropic(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"data\":[{\"type\":\"model\",\"id\":\"sim\",\"display_name\":\"Sim\","
                  "\"created_at\":\"2023-11-14T22:13:20Z\"}],\"has_more\":false,"
                  "\"first_id\":\"sim\",\"last_id\":\"sim\"}");
}

static void write_gemini(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"models\":[{\"name\":\"models/sim\",\"version\":\"1\",\"displayName\":\"Sim\","
                  "\"inputTokenLimit\":1048576,\"outputTokenLimit\":65536,"
                  "\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}]}");
}

static void write_openai(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\","
                  "\"created\":1700000000,\"owned_by\":\"simulator\"}]}");
}

static void write_bedrock(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"modelSummaries\":[{\"modelArn\":\"arn:aws:bedrock:us-east-1::"
                  "foundation-model/sim\",\"modelId\":\"sim\",\"modelName\":\"Sim\","
                  "\"providerName\":\"simulator\",\"responseStreamingSupported\":true}]}");
}

static void write_health(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"status\":\"ok\"}");
}

static void count_anthropic(struct sim_side_answer *a)
{
    struct sim_chat chat;

    if (sim_side_read_chat(a, &sim_anthropic, &chat))
        ADD(&a->body, "{\"input_tokens\":%" PRIu64 "}", sim_chat_tokens(chat.prompt_bytes));
}

/* The texts of all parts under `contents`, or under generateContentRequest. */
static void count_gemini(struct sim_side_answer *a)
{
    const struct json_value *inner = json_get(a->root, "generateContentRequest");
    const struct json_value *contents = json_get(inner ? inner : a->root, "contents");
    uint64_t bytes = 0;

    if (!json_is(contents, JSON_ARRAY)) {
        a->error = "contents is not specified";
        return;
    }
    a->model = sim_gemini_model(a->arena, a->request);
    for (const struct json_value *c = contents->child; c; c = c->next) {
        const struct json_value *parts = json_get(c, "parts");
        for (const struct json_value *p = parts ? parts->child : NULL; p; p = p->next)
            bytes += sim_note_spelled(json_get(p, "text")).len;
    }
    ADD(&a->body, "{\"totalTokens\":%" PRIu64 "}", sim_chat_tokens(bytes));
}

static void embed_gemini(struct sim_side_answer *a)
{
    a->model = sim_gemini_model(a->arena, a->request);
    ADD(&a->body, "{\"embedding\":{\"values\":");
    sim_side_add_vector(&a->body, 8);
    ADD(&a->body, "}}");
}

static void embed_gemini_batch(struct sim_side_answer *a)
{
    const struct json_value *requests = json_get(a->root, "requests");

    a->model = sim_gemini_model(a->arena, a->request);
    ADD(&a->body, "{\"embeddings\":[");
    for (uint32_t i = 0; requests && i < requests->n_children; i++) {
        ADD(&a->body, i == 0 ? "{\"values\":" : ",{\"values\":");
        sim_side_add_vector(&a->body, 8);
        ADD(&a->body, "}");
    }
    ADD(&a->body, "]}");
}

const struct sim_side sim_side_models[] = {
    {"GET", "/models", &sim_anthropic, write_anthropic},
    {"GET", "/v1beta/models", &sim_gemini, write_gemini},
    {"GET", "/foundation-models", &sim_openai, write_bedrock},
    {"GET", "/models", &sim_openai, write_openai},
    {"GET", "/health", &sim_openai, write_health},
    {"POST", "/messages/count_tokens", &sim_anthropic, count_anthropic},
    {"POST", ":countTokens", &sim_gemini, count_gemini},
    {"POST", ":embedContent", &sim_gemini, embed_gemini},
    {"POST", ":batchEmbedContents", &sim_gemini, embed_gemini_batch},
    {NULL, NULL, NULL, NULL},
};
