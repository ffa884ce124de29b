#include "sim_side.h"

#include "sim_answer.h"
#include "sim_route.h"

#define MAX_BODY ((size_t)8 << 20)

void sim_side_init(struct sim_side_answer *a, struct arena *arena,
                   const struct sim_http_request *request)
{
    size_t offset;

    *a = (struct sim_side_answer){
        .arena = arena, .request = request, .model = STR_EMPTY, .type = "application/json"};
    if (json_parse(arena, request->body, &a->root, &offset) != JSON_OK ||
        !json_is(a->root, JSON_OBJECT))
        a->root = NULL;
    buf_init(&a->body, MAX_BODY);
}

void sim_side_done(struct sim_side_answer *a)
{
    buf_done(&a->body);
}

bool sim_side_read_chat(struct sim_side_answer *a, const struct sim_dialect *dialect,
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

bool sim_side_read_model(struct sim_side_answer *a)
{
    if (json_string(json_get(a->root, "model"), a->arena, &a->model))
        return true;
    a->error = "the request names no model";
    return false;
}

struct sim_side_texts sim_side_count(const struct json_value *input)
{
    struct sim_side_texts t = {.n = 1};

    if (json_is(input, JSON_STRING)) {
        t.bytes = sim_note_spelled(input).len;
    } else if (json_is(input, JSON_ARRAY) && json_is(input->child, JSON_NUMBER)) {
        t.bytes = 4 * (uint64_t)input->n_children;
    } else if (json_is(input, JSON_ARRAY)) {
        t.n = input->n_children;
        for (const struct json_value *v = input->child; v; v = v->next)
            t.bytes += sim_side_count(v).bytes;
    }
    return t;
}

void sim_side_add_vector(struct buf *out, uint64_t dimensions)
{
    for (uint64_t i = 0; i < dimensions; i++)
        sim_answer_add(out, "%c%.3f", i == 0 ? '[' : ',', (double)(i % 8) / 8);
    sim_answer_add(out, "]");
}

const struct sim_side *sim_side_find(const struct sim_http_request *request)
{
    static const struct sim_side *const tables[] = {sim_side_models, sim_side_ollama,
                                                    sim_side_openai};
    bool is_anthropic = sim_http_header(request, "anthropic-version").data != NULL;

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct sim_side *s = tables[t]; s->method; s++) {
            bool is_other = str_is(STR("anthropic"), s->dialect->name) && !is_anthropic;
            if (!is_other && str_is(request->method, s->method) &&
                sim_route_ends_with(request->path, s->end))
                return s;
        }
    return NULL;
}
