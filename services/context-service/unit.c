#include "unit.h"

#include "cut.h"
#include "summary.h"
#include "tokens/estimate.h"

#include <string.h>

#define WHOLE_PROSE 600 /* bytes: a message up to this is one unit */
#define WHOLE_TASK  200 /* in the course of a task, where one sentence may be what counts */
#define FIRST_ROOM  64
#define MAX_TRIES   64 /* calls looked through for the one that a result answers */

struct collector {
    struct unit_list *list;
    const struct conversation *c;
    size_t group, message;
    size_t next_call; /* a source */
    size_t whole_prose;
    bool is_full;
};

/* Room for one more of `size` bytes; NULL at the ceiling. */
static void *grow(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return old;
    size_t more = *cap ? 2 * *cap : FIRST_ROOM;
    void *new = arena_alloc(a, more * size);
    if (!new)
        return NULL;
    if (n > 0)
        memcpy(new, old, n * size);
    *cap = more;
    return new;
}

static struct unit_source *add_source(struct collector *k, const struct unit_source *source)
{
    struct unit_list *l = k->list;

    void *room = grow(l->arena, l->source, l->n_sources, &l->source_cap, sizeof(*l->source));
    if (!room)
        return NULL;
    l->source = room;
    l->source[l->n_sources] = *source;
    return &l->source[l->n_sources++];
}

static uint32_t lines_in(struct str text)
{
    uint32_t lines = 1;
    const char *at = text.data, *end = at + text.len;

    for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        lines++;
    return lines;
}

static bool add_unit(struct collector *k, struct unit_source *s, struct str text)
{
    struct unit_list *l = k->list;

    void *room = grow(l->arena, l->unit, l->n, &l->cap, sizeof(*l->unit));
    if (!room)
        return false;
    l->unit = room;
    struct term_list found = {.id = l->term + l->n_terms};
    term_scan(&l->terms, text, &found);
    l->unit[l->n] = (struct unit){.text = text,
                                  .source = (uint32_t)(s - l->source),
                                  .first_term = (uint32_t)l->n_terms,
                                  .n_terms = (uint32_t)found.n,
                                  .lines = lines_in(text),
                                  .tokens = estimate_text(text) + 1,
                                  .flags = found.flags,
                                  .has_digit = found.has_digit,
                                  .class = UNIT_REST};
    l->n_terms += found.n;
    l->n++;
    s->n++;
    return true;
}

static void cut_units(struct collector *k, struct unit_source *s)
{
    struct str rest = s->text;
    bool is_short = s->kind == PIECE_PROSE && rest.len <= k->whole_prose;

    s->first = (uint32_t)k->list->n;
    while (!k->is_full) {
        size_t blanks = cut_blanks(rest);
        /* the indentation of a line is its own */
        while (s->kind != PIECE_PROSE && blanks > 0 && blanks < rest.len &&
               rest.data[blanks - 1] != '\n')
            blanks--;
        rest = (struct str){rest.data + blanks, rest.len - blanks};
        if (rest.len == 0)
            break;
        size_t len = is_short                 ? rest.len
                     : s->kind == PIECE_PROSE ? cut_sentence(rest)
                                              : cut_line(rest);
        k->is_full = !add_unit(k, s, (struct str){rest.data, len});
        rest = (struct str){rest.data + len, rest.len - len};
    }
    if (s->n == 1)
        k->list->unit[s->first].is_whole = true;
}

/* The name of the tool whose call has this id; results come in the order of the calls. */
static struct str tool_called(struct collector *k, const struct json_value *id)
{
    const struct unit_list *l = k->list;

    for (size_t i = k->next_call; id && i < l->n_sources && i < k->next_call + MAX_TRIES; i++)
        if (l->source[i].id && l->source[i].kind == PIECE_CALL &&
            str_equal(l->source[i].id->raw, id->raw)) {
            k->next_call = i + 1;
            return l->source[i].name;
        }
    return STR_EMPTY;
}

static struct str decode(struct collector *k, const struct json_value *v)
{
    struct str text = STR_EMPTY;

    if (json_is(v, JSON_STRING))
        k->is_full |= !json_string(v, k->list->arena, &text);
    else if (v)
        text = v->raw;
    return text;
}

static void add_said(void *arg, const struct summary_line *line)
{
    struct collector *k = arg;
    const struct unit_source said = {.text = line->text,
                                     .name = line->name,
                                     .message = k->message,
                                     .group = k->group,
                                     .kind = line->kind,
                                     .speaker = line->speaker};

    if (k->is_full)
        return;
    struct unit_source *s = add_source(k, &said);
    if (s)
        cut_units(k, s);
    k->is_full |= !s;
}

static void add_piece(void *arg, const struct piece *p)
{
    struct collector *k = arg;
    enum conversation_role role = k->c->message[k->message].role;
    struct unit_source source = {.json = p->text,
                                 .id = p->id,
                                 .message = k->message,
                                 .group = k->group,
                                 .kind = p->kind,
                                 .is_error = p->is_error};

    if (k->is_full)
        return;
    source.text = decode(k, p->text);
    if (str_is(source.text, "\xe2\x80\xa6"))
        return; /* what stands between neighbours in transcript.h */
    source.speaker = p->kind == PIECE_OUTPUT  ? UNIT_TOOL
                     : role == ROLE_ASSISTANT ? UNIT_ASSISTANT
                                              : UNIT_USER;
    source.name = p->kind == PIECE_OUTPUT ? tool_called(k, p->id) : decode(k, p->name);
    if (role == ROLE_USER && summary_is_own(k->c->secret, source.text)) {
        summary_each(source.text, add_said, k);
        return;
    }
    struct unit_source *s = k->is_full ? NULL : add_source(k, &source);
    if (s)
        cut_units(k, s);
    k->is_full |= !s;
}

static size_t bytes_before(const struct conversation *c, size_t end)
{
    size_t bytes = 0;

    for (size_t g = 0; g < end; g++)
        for (size_t i = 0; i < c->group[g].n; i++)
            bytes += c->message[c->group[g].first + i].json->raw.len;
    return bytes;
}

bool unit_collect(struct unit_list *l, struct arena *a, const struct conversation *c, size_t end)
{
    struct collector k = {.list = l, .c = c, .whole_prose = WHOLE_PROSE};

    *l = (struct unit_list){.arena = a};
    if (conversation_has_task(c))
        k.whole_prose = WHOLE_TASK;
    l->term = arena_alloc(a, TERM_ROOM(bytes_before(c, end)) * sizeof(*l->term));
    if (!l->term || !term_init(&l->terms, a))
        return false;
    for (size_t g = 0; g < end && !k.is_full; g++) {
        const struct conversation_group *group = &c->group[g];
        if (group->is_pinned || group->is_dropped)
            continue;
        k.group = g;
        k.next_call = l->n_sources;
        for (size_t i = group->first; i < group->first + group->n; i++) {
            k.message = i;
            piece_each(c->message[i].json, c->message[i].role, add_piece, &k);
        }
    }
    return !k.is_full && !l->terms.is_full;
}

struct str unit_gap(const struct unit_list *l, size_t unit)
{
    const struct unit *u = &l->unit[unit], *before = u - 1;
    const char *from = before->text.data + before->text.len;

    return (struct str){from, (size_t)(u->text.data - from)};
}
