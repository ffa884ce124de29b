/* Ollama's routes beside chat and generate. */
#include "sim_answer.h"
#include "sim_ollama.h"
#include "sim_side.h"

#include <inttypes.h>

#define ADD sim_answer_add
#define DETAILS                                                                                    \
    "\"details\":{\"format\":\"gguf\",\"family\":\"sim\",\"families\":[\"sim\"],"                  \
    "\"parameter_size\":\"1B\",\"quantization_level\":\"Q4_K_M\"}"
#define MODEL                                                                                      \
    "\"name\":\"sim\",\"model\":\"sim\",\"size\":1000000,\"digest\":\"0123456789ab\"," DETAILS

static void write_tags(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"models\":[{" MODEL ",\"modified_at\":\"2023-11-14T22:13:20Z\"}]}");
}

static void write_ps(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"models\":[{" MODEL ",\"expires_at\":\"2033-11-14T22:13:20Z\","
                  "\"size_vram\":1000000,\"context_length\":4096}]}");
}

static void write_version(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"version\":\"0.12.0\"}");
}

static void write_show(struct sim_side_answer *a)
{
    if (sim_side_read_model(a))
        ADD(&a->body, "{\"capabilities\":[\"completion\",\"tools\"]," DETAILS
                      ",\"model_info\":{\"sim.context_length\":4096}}");
}

static void write_embed(struct sim_side_answer *a)
{
    struct sim_side_texts texts = sim_side_count(json_get(a->root, "input"));

    if (!sim_side_read_model(a))
        return;
    ADD(&a->body, "{\"model\":\"sim\",\"embeddings\":[");
    for (uint64_t i = 0; i < texts.n; i++) {
        ADD(&a->body, "%s", i > 0 ? "," : "");
        sim_side_add_vector(&a->body, 8);
    }
    ADD(&a->body,
        "],\"total_duration\":14143917,\"load_duration\":1019500,\"prompt_eval_count\":%" PRIu64
        "}",
        sim_chat_tokens(texts.bytes));
}

const struct sim_side sim_side_ollama[] = {
    {"GET", "/api/tags", &sim_ollama, write_tags},
    {"GET", "/api/ps", &sim_ollama, write_ps},
    {"GET", "/api/version", &sim_ollama, write_version},
    {"POST", "/api/show", &sim_ollama, write_show},
    {"POST", "/api/embed", &sim_ollama, write_embed},
    {NULL, NULL, NULL, NULL},
};
