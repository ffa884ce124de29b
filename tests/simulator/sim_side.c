#include "sim_side.h"

#include "sim_answer.h"
#include "sim_anthropic.h"
#include "sim_openai.h"
#include "sim_route.h"

#include <inttypes.h>

#define ADD      sim_answer_add
#define MAX_BODY ((size_t)8 << 20)

void sim_side_init(struct sim_side_answer *a, struct arena *arena,
                   const struct sim_http_request *request)
{
    *a = (struct sim_side_answer){
        .arena = arena, .request = request, .model = STR_EMPTY, .type = "application/json"};
    buf_init(&a->body, MAX_BODY);
}

void sim_side_done(struct sim_side_answer *a)
{
    buf_done(&a->body);
}

/* What the chat's reader makes of the request; false when it is refused. */
static bool read_chat(struct sim_side_answer *a, const struct sim_dialect *dialect,
                      struct sim_chat *ret)
{
    struct sim_note note;
    struct buf understood;

    buf_init(&understood, (size_t)200 << 20);
    sim_note_init(&note, a->arena, a->request, ret, &understood);
    bool is_read = dialect->read(&note);
    if (!is_read)
        a->error = arena_copy(a->arena, str_from(note.error));
    a->model = ret->model;
    buf_done(&understood);
    return is_read;
}

static void write_openai_models(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\","
                  "\"created\":1700000000,\"owned_by\":\"simulator\"}]}");
}

static void write_anthropic_count(struct sim_side_answer *a)
{
    struct sim_chat chat;

    if (read_chat(a, &sim_anthropic, &chat))
        ADD(&a->body, "{\"input_tokens\":%" PRIu64 "}", sim_chat_tokens(chat.prompt_bytes));
}

static void write_anthropic_models(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"data\":[{\"type\":\"model\",\"id\":\"sim\",\"display_name\":\"Sim\","
                  "\"created_at\":\"2023-11-14T22:13:20Z\"}],\"has_more\":false,"
                  "\"first_id\":\"sim\",\"last_id\":\"sim\"}");
}

static void write_health(struct sim_side_answer *a)
{
    ADD(&a->body, "{\"status\":\"ok\"}");
}

static const struct sim_side anthropic_models = {"GET", "/models", &sim_anthropic,
                                                 write_anthropic_models};

const struct sim_side *sim_side_find(const struct sim_http_request *request)
{
    static const struct sim_side sides[] = {
        {"GET", "/models", &sim_openai, write_openai_models},
        {"GET", "/health", &sim_openai, write_health},
        {"POST", "/messages/count_tokens", &sim_anthropic, write_anthropic_count},
    };

    if (sim_route_ends_with(request->path, "/models") &&
        sim_http_header(request, "anthropic-version").data)
        return &anthropic_models;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        if (str_is(request->method, sides[i].method) &&
            sim_route_ends_with(request->path, sides[i].end))
            return &sides[i];
    return NULL;
}
