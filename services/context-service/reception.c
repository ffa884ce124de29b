#include "reception.h"

#include "context_metrics.h"
#include "fold.h"

#define CONDENSING_AGAIN (100 * USEC_PER_MSEC)

enum fault reception_admit(struct context_service *s, struct job *j)
{
    /* Over HTTP nothing new arrives while draining: what was begun is finished. */
    if (s->is_draining && j->is_bus)
        return FAULT_DRAINING;
    j->may_ask = s->summarizer != NULL;
    j->tables = s->tables;
    j->store = s->store;
    j->secret = s->secret;
    j->settings = settings_hold_ref(s->hold);
    j->default_deadline = s->settings->context.deadline;
    if (offload_submit(s->pool, &j->task) == OFFLOAD_OK)
        return FAULT_NONE;
    metrics_count(s->shard, METRIC_context_refused_total, 1);
    return FAULT_OVERLOADED;
}

static void submit_again(struct job *j, struct str summary)
{
    struct context_service *s = j->owner;

    job_resume(j, summary);
    if (offload_submit(s->pool, &j->task) == OFFLOAD_OK)
        return;
    metrics_count(s->shard, METRIC_context_refused_total, 1);
    job_refuse(j, FAULT_OVERLOADED);
    j->task.done(j);
}

static void on_summary(void *arg, struct str text)
{
    submit_again(arg, text);
}

/* What is left of the deadline after condensing once more. */
static usec_t patience_of(const struct context_service *s, const struct job *j)
{
    usec_t most = s->settings->context.summarize.timeout;
    usec_t needed = loop_now(s->loop) + CONDENSING_AGAIN;
    usec_t left = j->deadline_at > needed ? j->deadline_at - needed : 0;

    return left < most ? left : most;
}

bool reception_continue(struct context_service *s, struct job *j)
{
    const struct condense_fold *fold = &j->answer.turn.report.fold;

    if (!j->wants_summary)
        return false;
    const struct summarizer_question q = {
        .instructions = str_from(fold_instructions()),
        .source = fold->source,
        .max_tokens = fold->max_tokens,
        .patience = patience_of(s, j),
    };
    if (!s->summarizer || q.patience == 0 || !summarizer_ask(s->summarizer, &q, on_summary, j))
        submit_again(j, STR_EMPTY);
    return true;
}

/* A caller cannot make series: what is not configured is "other". */
static const char *model_label(struct context_service *s, struct job *j)
{
    const char *name = arena_copy(&j->arena, j->question.turn.model);
    const struct settings_model *m = name ? settings_find_model(s->settings, name) : NULL;

    return m ? m->name : "other";
}

/* The share of condensed turns that a provider's cache could go on with, of those that had a turn
 * before them. */
static void count_turn(struct context_service *s, const struct turn *turn)
{
    metrics_count(s->shard, METRIC_context_epochs_total, turn->has_begun);
    s->stable_turns += turn->is_stable;
    s->broken_turns += turn->has_begun && turn->had_before;
    uint64_t turns = s->stable_turns + s->broken_turns;
    metrics_gauge(s->shard, METRIC_context_prefix_stable_ratio,
                  turns > 0 ? (double)s->stable_turns / (double)turns : 1);
}

static void count_condensation(struct context_service *s, struct job *j)
{
    const struct turn *turn = &j->answer.turn;
    const struct condense_report *r = &turn->report;
    const char *model = model_label(s, j);

    metrics_count(s->shard, METRIC_context_condensations_total, 1,
                  condense_mode_text(j->question.turn.options.mode), answer_last_stage(&j->answer),
                  condense_outcome_text(turn->outcome));
    metrics_count(s->shard, METRIC_context_tokens_counted_total, (double)r->tokens_before, model);
    if (turn->outcome == CONDENSE_CONDENSED)
        metrics_count(s->shard, METRIC_context_tokens_saved_total,
                      (double)(r->tokens_before - r->tokens_after), model);
    if (j->question.turn.is_stateful)
        count_turn(s, turn);
}

/* NULL: it is none of those that are timed. */
static const char *op_label(enum question_op op)
{
    switch (op) {
    case QUESTION_COUNT:
        return "count";
    case QUESTION_CONDENSE:
        return "condense";
    case QUESTION_RETRIEVE:
        return "retrieve";
    case QUESTION_SESSION:
    case QUESTION_FORGET:
        return NULL;
    }
    return NULL;
}

void reception_count(struct context_service *s, struct job *j)
{
    usec_t duration = loop_now(s->loop) - j->received_at;
    const char *op = op_label(j->op);

    if (j->is_late)
        metrics_count(s->shard, METRIC_context_late_total, 1);
    if (j->is_late || !j->is_worked || !op)
        return;
    metrics_sample(s->shard, METRIC_context_processing_time_seconds,
                   (double)duration / (double)USEC_PER_SEC, op);
    if (!j->is_answered) /* it did not get as far as a question */
        return;
    if (j->op == QUESTION_CONDENSE)
        count_condensation(s, j);
    else if (j->op == QUESTION_COUNT)
        metrics_count(s->shard, METRIC_context_tokens_counted_total, (double)j->answer.count.tokens,
                      model_label(s, j));
}
