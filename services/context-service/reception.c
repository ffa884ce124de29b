#include "reception.h"

#include "context_metrics.h"

/* What the configuration says about condensing when a request does not. */
static struct condense_options defaults_of(const struct settings *s)
{
    struct condense_options options = {.dialect = STR("openai"), .mode = CONDENSE_MASK};

    options.keep_last = s->context.keep_last;
    switch (s->context.mode) {
    case CONTEXT_LOSSLESS:
        options.mode = CONDENSE_LOSSLESS;
        break;
    case CONTEXT_EXTRACT:
        options.mode = CONDENSE_EXTRACT;
        break;
    case CONTEXT_SUMMARIZE:
        options.mode = CONDENSE_SUMMARIZE;
        break;
    case CONTEXT_OFF: /* who asks nonetheless gets the plain one */
    case CONTEXT_MASK:
        break;
    }
    return options;
}

enum fault reception_admit(struct context_service *s, struct job *j)
{
    /* Over HTTP nothing new arrives while draining: what was begun is finished. */
    if (s->is_draining && j->is_bus)
        return FAULT_DRAINING;
    j->defaults = defaults_of(s->settings);
    j->tables = s->tables;
    j->settings = settings_hold_ref(s->hold);
    j->default_deadline = s->settings->context.deadline;
    if (offload_submit(s->pool, &j->task) == OFFLOAD_OK)
        return FAULT_NONE;
    metrics_count(s->shard, METRIC_context_refused_total, 1);
    return FAULT_OVERLOADED;
}

/* A caller cannot make series: what is not configured is "other". */
static const char *model_label(struct context_service *s, struct job *j)
{
    const char *name = arena_copy(&j->arena, j->question.model);
    const struct settings_model *m = name ? settings_find_model(s->settings, name) : NULL;

    return m ? m->name : "other";
}

static void count_condensation(struct context_service *s, struct job *j)
{
    const struct condense_report *r = &j->answer.report;
    const char *model = model_label(s, j);

    metrics_count(s->shard, METRIC_context_condensations_total, 1,
                  condense_mode_text(j->question.options.mode), answer_last_stage(&j->answer),
                  condense_outcome_text(j->answer.outcome));
    metrics_count(s->shard, METRIC_context_tokens_counted_total, (double)r->tokens_before, model);
    if (j->answer.outcome == CONDENSE_CONDENSED)
        metrics_count(s->shard, METRIC_context_tokens_saved_total,
                      (double)(r->tokens_before - r->tokens_after), model);
}

void reception_count(struct context_service *s, struct job *j)
{
    usec_t duration = loop_now(s->loop) - j->received_at;

    if (j->is_late)
        metrics_count(s->shard, METRIC_context_late_total, 1);
    if (j->is_late || !j->is_worked)
        return;
    metrics_sample(s->shard, METRIC_context_processing_time_seconds,
                   (double)duration / (double)USEC_PER_SEC,
                   j->op == QUESTION_COUNT ? "count" : "condense");
    if (!j->is_answered) /* it did not get as far as a question */
        return;
    if (j->op == QUESTION_CONDENSE)
        count_condensation(s, j);
    else
        metrics_count(s->shard, METRIC_context_tokens_counted_total, (double)j->answer.count.tokens,
                      model_label(s, j));
}
