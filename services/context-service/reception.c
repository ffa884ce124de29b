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
    j->estimators = s->learner.estimators;
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
static void count_turn(struct context_service *s, bool is_stable, bool is_broken)
{
    s->stable_turns += is_stable;
    s->broken_turns += is_broken;
    uint64_t turns = s->stable_turns + s->broken_turns;
    metrics_gauge(s->shard, METRIC_context_prefix_stable_ratio,
                  turns > 0 ? (double)s->stable_turns / (double)turns : 1);
}

static void count_answer(struct context_service *s, const struct repeat_answer *a,
                         enum condense_outcome outcome)
{
    metrics_count(s->shard, METRIC_context_condensations_total, 1, a->mode, a->stage,
                  condense_outcome_text(outcome));
    metrics_count(s->shard, METRIC_context_tokens_counted_total, (double)a->tokens_before,
                  a->model);
    if (outcome == CONDENSE_CONDENSED)
        metrics_count(s->shard, METRIC_context_tokens_saved_total,
                      (double)(a->tokens_before - a->tokens_after), a->model);
}

static struct repeat_answer describe_answer(struct context_service *s, struct job *j)
{
    const struct turn *turn = &j->answer.turn;
    struct repeat_answer a = {
        .text = buf_str(&j->text),
        .messages = j->is_bus ? turn->report.messages : STR_EMPTY,
        .mode = condense_mode_text(j->question.turn.options.mode),
        .stage = answer_last_stage(&j->answer),
        .tokens_before = turn->report.tokens_before,
        .tokens_after = turn->report.tokens_after,
        .is_stateful = turn->epoch > 0,
    };

    str_copy(a.model, sizeof(a.model), str_from(model_label(s, j)));
    return a;
}

static struct repeat_question question_of(const struct job *j)
{
    return (struct repeat_question){
        .is_bus = j->is_bus, .request = j->request, .messages = j->messages};
}

static void count_condensation(struct context_service *s, struct job *j)
{
    const struct turn *turn = &j->answer.turn;
    struct repeat_answer a = describe_answer(s, j);

    count_answer(s, &a, turn->outcome);
    metrics_count(s->shard, METRIC_context_epochs_total, turn->has_begun);
    if (j->was_asked)
        metrics_count(s->shard, METRIC_context_summaries_total, 1,
                      turn->report.fold.is_abstractive ? "used"
                      : j->summary.len > 0             ? "rejected"
                                                       : "failed");
    if (j->question.turn.is_stateful)
        count_turn(s, turn->is_stable, turn->has_begun && turn->had_before);
    if (turn->outcome == CONDENSE_CONDENSED && j->fault == FAULT_NONE) {
        const struct repeat_question q = question_of(j);
        repeat_keep(s->repeats, &q, &a, loop_now(s->loop));
    }
}

const struct repeat_answer *reception_repeat(struct context_service *s,
                                             const struct repeat_question *q)
{
    usec_t now = loop_now(s->loop);
    const struct repeat_answer *a = repeat_find(s->repeats, q, now);

    metrics_count(s->shard, a ? METRIC_context_cache_hits_total : METRIC_context_cache_misses_total,
                  1, "condense");
    if (!a)
        return NULL;
    metrics_sample(s->shard, METRIC_context_processing_time_seconds,
                   (double)(clock_now() - now) / (double)USEC_PER_SEC, "condense");
    count_answer(s, a, CONDENSE_CONDENSED);
    if (a->is_stateful)
        count_turn(s, true, false);
    return a;
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

    if (j->op == QUESTION_FORGET)
        repeat_clear(s->repeats); /* what was forgotten is not said again */
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
