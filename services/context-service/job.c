#include "job.h"

#include "estimators.h"

#include "fold.h"

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
    return question_read_http(&j->arena, j->op, j->request, &j->question, &j->detail);
}

static enum buf_result write_reply(struct job *j)
{
    struct context_reply reply = {.outcome = STR("error")};

    if (j->fault == FAULT_NONE || j->fault == FAULT_CONTEXT_LENGTH_EXCEEDED)
        answer_fill_reply(&j->arena, &j->question, &j->answer, &reply);
    if (j->fault != FAULT_NONE)
        reply.message = str_from(arena_printf(&j->arena, "%s: %s", fault_code(j->fault),
                                              fault_message(j->fault, &j->detail)));
    return context_encode_reply(&reply, &j->text);
}

static enum buf_result write_body(struct job *j)
{
    if (j->fault == FAULT_NONE)
        return answer_write(&j->question, &j->answer, &j->text);
    return fault_write(j->fault, &j->detail, &j->text);
}

static const struct settings_model *model_of(struct job *j)
{
    const char *name = arena_copy(&j->arena, j->question.turn.model);

    return name ? settings_find_model(settings_hold_look(j->settings), name) : NULL;
}

/* For the provider's model that a configured name stands for first. */
static struct counter *lend_counter(struct job *j, const struct settings_model *m)
{
    struct str model =
        m && m->n_targets > 0 ? str_from(m->targets[0].model) : j->question.turn.model;
    const struct counting_rule *rule = tables_rule(j->tables, model);
    struct counter *c = tables_lend(j->tables, rule);

    /* What was learnt stands on the table's tokens. */
    if (!rule->has_table && tables_have(j->tables, rule->table))
        (void)estimators_find(j->estimators, model, &c->weights);
    return c;
}

/* What the model wrote, if it is a summary of what it was asked for. */
static void use_summary(struct job *j)
{
    const struct condense_fold *fold = &j->answer.turn.report.fold;
    struct condense_summary *s = &j->question.turn.options.summary;

    if (j->summary.len > 0 &&
        fold_read_summary(&j->arena, fold->source, j->summary, &s->text) == FOLD_OK)
        s->key = str_from(arena_copy(&j->arena, str_from(fold->key)));
}

static void find_answer(struct job *j)
{
    const struct settings_model *m = model_of(j);
    struct settings_context_rules rules =
        settings_context_rules(settings_hold_look(j->settings), m);
    struct turn_means means = {.store = j->store, .now = clock_wall()};

    question_apply_rules(&j->question, &rules);
    j->question.turn.options.secret = j->secret;
    use_summary(j);
    means.may_ask = j->may_ask && j->question.turn.options.mode == CONDENSE_SUMMARIZE;
    means.counter = lend_counter(j, m);
    j->fault = answer_find(&j->arena, &means, &j->question, &j->answer, &j->detail);
    tables_take_back(j->tables, &means.counter);
    j->wants_summary = j->fault == FAULT_NONE && j->answer.turn.wants_summary;
    j->is_answered = true;
}

/* A question is read once, and answered again when a model has been asked. */
static bool is_read(struct job *j)
{
    if (j->is_answered)
        return true;
    j->fault = j->is_bus ? read_bus(j) : read_http(j);
    return j->fault == FAULT_NONE;
}

static void write_answer(struct job *j)
{
    if ((j->is_bus ? write_reply(j) : write_body(j)) == BUF_OK)
        return;
    buf_clear(&j->text);
    j->fault = FAULT_REQUEST_TOO_LARGE;
    j->detail = (struct fault_detail){NULL, NULL};
    if ((j->is_bus ? write_reply(j) : write_body(j)) != BUF_OK)
        abort(); /* an error is a few hundred bytes */
}

static void work(void *arg)
{
    struct job *j = arg;

    if (atomic_load(&j->is_abandoned))
        return;
    j->is_worked = true;
    if (is_read(j))
        find_answer(j);
    if (!j->wants_summary)
        write_answer(j);
}

void job_resume(struct job *j, struct str summary)
{
    const char *copy = arena_copy(&j->arena, summary);

    j->summary = copy ? (struct str){copy, summary.len} : STR_EMPTY;
    j->was_asked = true;
    j->may_ask = j->wants_summary = false;
}

void job_refuse(struct job *j, enum fault f)
{
    j->fault = f;
    j->wants_summary = false;
    write_answer(j);
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
