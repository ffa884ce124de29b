#include "job.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES  (256u << 20)
#define ANSWER_BYTES (128u << 20)
#define MAX_DEADLINE (3600 * USEC_PER_SEC)

static bool is_over(struct job *j)
{
    if (clock_now() < j->deadline_at)
        return false;
    j->is_late = true;
    return true;
}

static enum fault read_bus(struct job *j)
{
    struct context_request request;

    if (!context_decode_request(&j->arena, j->request, &request)) {
        j->detail.message = "The request cannot be read.";
        return FAULT_INVALID_REQUEST;
    }
    usec_t deadline = request.deadline ? request.deadline : j->default_deadline;
    j->deadline_at = j->received_at + (deadline < MAX_DEADLINE ? deadline : MAX_DEADLINE);
    if (is_over(j))
        return FAULT_DEADLINE_EXCEEDED;
    return question_read_bus(&j->arena, j->op, &request, j->messages, &j->question, &j->detail);
}

static enum fault read_http(struct job *j)
{
    if (is_over(j))
        return FAULT_DEADLINE_EXCEEDED;
    return question_read_http(&j->arena, j->op, j->request, &j->defaults, &j->question, &j->detail);
}

static enum buf_result write_reply(struct job *j)
{
    struct context_reply reply = {.outcome = STR("error")};

    if (j->fault == FAULT_NONE || j->fault == FAULT_CONTEXT_LENGTH_EXCEEDED)
        answer_fill_reply(&j->arena, j->op, &j->answer, &reply);
    if (j->fault != FAULT_NONE)
        reply.message = str_from(arena_printf(&j->arena, "%s: %s", fault_code(j->fault),
                                              fault_message(j->fault, &j->detail)));
    return context_encode_reply(&reply, &j->text);
}

static enum buf_result write_body(struct job *j)
{
    if (j->fault == FAULT_NONE)
        return answer_write(j->op, &j->answer, &j->text);
    return fault_write(j->fault, &j->detail, &j->text);
}

/* Of the provider's model that a configured name stands for first. */
static const struct counting_rule *rule_of(struct job *j)
{
    const char *name = arena_copy(&j->arena, j->question.model);
    const struct settings_model *m =
        name ? settings_find_model(settings_hold_look(j->settings), name) : NULL;

    return counting_rule_find(m && m->n_targets > 0 ? str_from(m->targets[0].model)
                                                    : j->question.model);
}

static void work(void *arg)
{
    struct job *j = arg;

    if (atomic_load(&j->is_abandoned))
        return;
    j->is_worked = true;
    j->fault = j->is_bus ? read_bus(j) : read_http(j);
    if (j->fault == FAULT_NONE) {
        struct counter *counter = tables_lend(j->tables, rule_of(j));
        j->fault = answer_find(&j->arena, counter, &j->question, &j->answer, &j->detail);
        tables_take_back(j->tables, &counter);
        j->is_answered = true;
    }
    if ((j->is_bus ? write_reply(j) : write_body(j)) == BUF_OK)
        return;
    buf_clear(&j->text);
    j->fault = FAULT_REQUEST_TOO_LARGE;
    j->detail = (struct fault_detail){NULL, NULL};
    if ((j->is_bus ? write_reply(j) : write_body(j)) != BUF_OK)
        abort(); /* an error is a few hundred bytes */
}

static char *copy(char *to, struct str from, struct str *ret)
{
    if (from.len > 0)
        memcpy(to, from.data, from.len);
    *ret = (struct str){to, from.len};
    return to + from.len;
}

struct job *job_new(enum question_op op, const struct job_parts *parts, loop_fn done, void *owner)
{
    size_t size =
        sizeof(struct job) + parts->routing_id.len + parts->request.len + parts->messages.len;
    struct job *j = malloc(size);

    if (!j)
        abort();
    *j = (struct job){.op = op, .owner = owner, .deadline_at = USEC_INFINITY};
    j->task = (struct offload_task){.work = work, .done = done, .arg = j, .bytes = size};
    char *to = copy(j->bytes, parts->routing_id, &j->routing_id);
    to = copy(to, parts->request, &j->request);
    copy(to, parts->messages, &j->messages);
    arena_init(&j->arena, ARENA_BYTES);
    buf_init(&j->text, ANSWER_BYTES);
    return j;
}

void job_free(struct job **j)
{
    if (!*j)
        return;
    arena_done(&(*j)->arena);
    buf_done(&(*j)->text);
    settings_hold_unref(&(*j)->settings);
    free(*j);
    *j = NULL;
}
