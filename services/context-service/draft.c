#include "draft.h"

#include "marker.h"
#include "summary.h"
#include "transcript.h"

#include <inttypes.h>
#include <string.h>

#define GAP          "\xe2\x80\xa6"
#define MAX_MESSAGE  (64U << 20)
#define SCRATCH_SIZE (256U << 20)
#define MAX_DRAFTS   (8U << 20) /* bytes of drafts that what is the same is taken from */

static bool is_open(const struct conversation_group *g)
{
    return !g->is_pinned && !g->is_dropped;
}

bool draft_init(struct draft *d, uint64_t goal)
{
    struct conversation *c = d->c;

    arena_init(&d->arena, SCRATCH_SIZE);
    d->pinned_tokens = c->tokens - c->filler_tokens;
    for (size_t g = 0; g < d->end; g++)
        if (is_open(&c->group[g]))
            d->pinned_tokens -= c->group[g].tokens;
    d->message = arena_alloc(c->arena, c->n * sizeof(*d->message));
    return d->message && block_make(&d->blocks, c, d->end, goal);
}

void draft_done(struct draft *d)
{
    arena_done(&d->arena);
}

static void mark_kept(struct draft *d, size_t n)
{
    struct conversation *c = d->c;

    for (size_t i = 0; i < d->units->n; i++)
        d->units->unit[i].is_kept = false;
    for (size_t g = 0; g < d->end; g++)
        c->group[g].is_folded = is_open(&c->group[g]);
    for (size_t i = 0; i < n; i++) {
        const struct order_element *e = &d->order->element[i];
        if (e->is_group)
            c->group[e->index].is_folded = false;
        else
            d->units->unit[e->index].is_kept = true;
    }
    d->n_kept = n;
    d->n_folded = 0;
    for (size_t b = 0; b < d->blocks.n; b++) {
        struct block *block = &d->blocks.block[b];
        block->is_folded = false;
        for (size_t g = block->first; g < block->end; g++) {
            block->is_folded |= c->group[g].is_folded;
            d->n_folded += c->group[g].is_folded ? c->group[g].n : 0;
        }
    }
}

struct rewriting {
    struct draft *d;
    size_t message;
    size_t source;                       /* the next that may be offered */
    struct conversation_output original; /* the same, as the client sent it */
    bool is_full;
};

struct left_out {
    uint64_t lines, tokens;
};

static struct left_out count_left_out(const struct unit_list *l, const struct unit_source *s)
{
    struct left_out sum = {0, 0};

    for (size_t i = s->first; i < s->first + s->n; i++)
        if (!l->unit[i].is_kept) {
            sum.lines += l->unit[i].lines;
            sum.tokens += l->unit[i].tokens;
        }
    return sum;
}

/* The text of an output without the lines that are left out. */
static bool write_kept(const struct unit_list *l, const struct unit_source *s, struct buf *out)
{
    bool is_full = false, after_kept = true;

    for (size_t i = s->first; i < s->first + s->n; i++) {
        const struct unit *u = &l->unit[i];
        if (u->is_kept) {
            bool is_joined = i > s->first && l->unit[i - 1].is_kept;
            is_full |= buf_add_str(out, is_joined ? unit_gap(l, i) : STR("\n")) != BUF_OK;
            is_full |= buf_add_str(out, u->text) != BUF_OK;
        } else if (after_kept && i > s->first) {
            is_full |= buf_add_str(out, STR("\n" GAP)) != BUF_OK;
        }
        after_kept = u->is_kept;
    }
    return !is_full;
}

static bool find_key(struct rewriting *r, struct unit_source *s)
{
    const struct conversation_message *m = &r->d->c->message[r->message];

    s->original = s->text;
    if (m->json != m->original && !json_string(r->original.text, r->d->c->arena, &s->original))
        return false;
    marker_key(s->original, s->key);
    return true;
}

static struct str write_output(struct rewriting *r, struct unit_source *s, struct left_out left)
{
    struct buf out;

    buf_init(&out, MAX_MESSAGE);
    (void)buf_reserve(&out, s->text.len);
    bool ok = (s->key[0] || find_key(r, s)) &&
              marker_write(&out, left.lines, left.tokens, s->key) == BUF_OK &&
              write_kept(r->d->units, s, &out);
    struct str spelled = ok ? marker_spell(&r->d->arena, buf_str(&out)) : (struct str){NULL, 0};
    buf_done(&out);
    return spelled;
}

static struct str shorten(void *arg, const struct conversation_output *o)
{
    struct rewriting *r = arg;
    const struct conversation *c = r->d->c;
    struct unit_list *l = r->d->units;

    (void)c->dialect->next_output(c->message[r->message].original, &r->original);
    while (r->source < l->n_sources && l->source[r->source].message == r->message &&
           l->source[r->source].json != o->text)
        r->source++;
    if (r->source == l->n_sources || l->source[r->source].message != r->message)
        return o->text->raw;
    struct unit_source *s = &l->source[r->source];
    struct left_out left = count_left_out(l, s);
    if (left.lines == 0)
        return o->text->raw;
    struct str spelled = write_output(r, s, left);
    r->is_full |= !spelled.data;
    return spelled.data && spelled.len < o->text->raw.len ? spelled : o->text->raw;
}

/* The message without what is left out; NULL at the ceiling. */
static const struct json_value *shorten_message(struct rewriting *r, size_t i)
{
    const struct json_value *message = r->d->c->message[i].json, *json;
    size_t at;

    r->message = i;
    r->original = (struct conversation_output){.text = NULL};
    struct str text = conversation_respell(r->d->c, &r->d->arena, message, shorten, r);
    if (!text.data || r->is_full)
        return NULL;
    if (text.len == 0)
        return message;
    return json_parse(&r->d->arena, text, &json, &at) == JSON_OK ? json : NULL;
}

/* Units kept of message `i`, whose sources come next. */
static size_t count_kept(struct rewriting *r, size_t i)
{
    const struct unit_list *l = r->d->units;
    size_t kept = 0;

    while (r->source < l->n_sources && l->source[r->source].message < i)
        r->source++;
    for (size_t s = r->source; s < l->n_sources && l->source[s].message == i; s++)
        for (size_t u = l->source[s].first; u < l->source[s].first + l->source[s].n; u++)
            kept += l->unit[u].is_kept;
    return kept;
}

/* The message in place of what is folded; NULL at the ceiling. */
static const struct json_value *write_summary(struct draft *d)
{
    const struct summary s = {.n_messages = d->n_folded,
                              .blocks = &d->blocks,
                              .secret = d->c->secret,
                              .text = d->summary};
    const struct json_value *json = NULL;
    struct buf text;
    size_t at;

    buf_init(&text, MAX_MESSAGE);
    if (summary_write(&s, d->units, d->c, &text) == BUF_OK) {
        struct str content = marker_spell(&d->arena, buf_str(&text));
        char *message =
            content.data
                ? arena_printf(&d->arena, "{\"role\":\"user\",\"content\":%.*s}", STR_ARG(content))
                : NULL;
        if (!message || json_parse(&d->arena, str_from(message), &json, &at) != JSON_OK)
            json = NULL;
    }
    buf_done(&text);
    return json;
}

/* Of an order's beginnings each keeps what a shorter one keeps: as many units are the same ones. */
static bool write_group(struct rewriting *r, const struct conversation_group *g)
{
    const struct conversation *c = r->d->c;

    for (size_t i = g->first; i < g->first + g->n; i++) {
        const struct conversation_message *m = &c->message[i];
        struct draft_message *to = &r->d->message[i];
        size_t kept = m->role == ROLE_TOOL ? count_kept(r, i) : 0;
        if (to->json && to->n_kept == kept)
            continue;
        const struct json_value *json = m->role == ROLE_TOOL ? shorten_message(r, i) : m->json;
        if (!json)
            return false;
        *to = (struct draft_message){
            json, json == m->json ? m->tokens : counter_message(c->counter, json), kept};
    }
    return true;
}

static bool is_in_place(const struct conversation_group *g)
{
    return is_open(g) && !g->is_folded;
}

/* False at the ceiling. */
static bool write_draft(struct draft *d)
{
    struct conversation *c = d->c;
    struct rewriting r = {.d = d};

    d->written = (struct draft_message){.json = NULL};
    for (size_t g = 0; g < d->end; g++)
        if (is_in_place(&c->group[g]) && !write_group(&r, &c->group[g]))
            return false;
    if (d->n_folded == 0)
        return true;
    d->written.json = write_summary(d);
    if (d->written.json)
        d->written.tokens = counter_message(c->counter, d->written.json);
    return d->written.json != NULL;
}

static uint64_t count_draft(const struct draft *d)
{
    struct conversation *c = d->c;
    uint64_t tokens = d->pinned_tokens + d->written.tokens;

    for (size_t g = 0; g < d->end; g++)
        for (size_t i = 0; is_in_place(&c->group[g]) && i < c->group[g].n; i++)
            tokens += d->message[c->group[g].first + i].tokens;
    c->summary = d->written.json ? d->written.json->raw : STR_EMPTY;
    tokens += transcript_filler_tokens(c);
    c->summary = STR_EMPTY;
    return tokens;
}

uint64_t draft_measure(struct draft *d, size_t n)
{
    if (d->arena.used > MAX_DRAFTS) {
        arena_done(&d->arena);
        memset(d->message, 0, d->c->n * sizeof(*d->message));
    }
    mark_kept(d, n);
    if (write_draft(d))
        return count_draft(d);
    d->is_full = true;
    return UINT64_MAX;
}

bool draft_write_source(struct draft *d, struct str *ret)
{
    struct unit_list *l = d->units;
    struct buf text;

    for (size_t i = 0; i < l->n; i++)
        l->unit[i].is_kept = true;
    buf_init(&text, MAX_MESSAGE);
    char *copy = summary_write_all(l, d->c, &text) == BUF_OK
                     ? arena_copy(d->c->arena, buf_str(&text))
                     : NULL;
    *ret = (struct str){copy, text.len};
    buf_done(&text);
    return copy != NULL;
}

static void apply_group(struct draft *d, struct conversation_group *g)
{
    struct conversation *c = d->c;

    for (size_t i = g->first; i < g->first + g->n; i++) {
        struct conversation_message *m = &c->message[i];
        c->tokens = c->tokens - m->tokens + d->message[i].tokens;
        g->tokens = g->tokens - m->tokens + d->message[i].tokens;
        m->tokens = d->message[i].tokens;
        m->json = d->message[i].json;
    }
}

static void apply_summary(struct draft *d)
{
    struct conversation *c = d->c;

    for (size_t g = 0; g < d->end; g++)
        if (c->group[g].is_folded)
            c->tokens -= c->group[g].tokens;
    c->summary = d->written.json->raw;
    c->summary_tokens = d->written.tokens;
    c->tokens += c->summary_tokens;
}

/* The lines of outputs that are left out. */
static bool list_outputs(struct draft *d)
{
    const struct unit_list *l = d->units;
    struct conversation *c = d->c;

    for (size_t i = 0; i < l->n_sources; i++) {
        const struct unit_source *s = &l->source[i];
        if (c->group[s->group].is_folded || !s->key[0] || s->kind != PIECE_OUTPUT)
            continue;
        struct conversation_omitted o = {.bytes = s->original, .group = s->group};
        memcpy(o.key, s->key, sizeof(o.key));
        o.tokens = count_left_out(l, s).tokens;
        if (o.tokens > 0 && !conversation_omit(c, &o))
            return false;
    }
    return true;
}

static bool list_blocks(struct draft *d)
{
    const struct unit_list *l = d->units;
    struct conversation *c = d->c;
    size_t source = 0;

    for (size_t b = 0; b < d->blocks.n; b++) {
        const struct block *block = &d->blocks.block[b];
        struct conversation_omitted o = {.bytes = block->bytes, .group = SIZE_MAX};
        memcpy(o.key, block->key, sizeof(o.key));
        for (; source < l->n_sources && l->source[source].group < block->end; source++) {
            if (o.preview.len == 0)
                o.preview = marker_preview(l->source[source].text);
            if (c->group[l->source[source].group].is_folded)
                o.tokens += count_left_out(l, &l->source[source]).tokens;
        }
        if (block->is_folded && !conversation_omit(c, &o))
            return false;
    }
    return true;
}

bool draft_apply(struct draft *d, size_t n)
{
    struct conversation *c = d->c;

    if ((d->n_kept != n && draft_measure(d, n) == UINT64_MAX) || !arena_adopt(c->arena, &d->arena))
        return false;
    for (size_t g = 0; g < d->end; g++)
        if (is_in_place(&c->group[g]))
            apply_group(d, &c->group[g]);
    if (d->written.json)
        apply_summary(d);
    transcript_recount(c);
    return list_outputs(d) && list_blocks(d);
}
