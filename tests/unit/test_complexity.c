#include "complexity.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json_write.h"
#include "check.h"
#include "complexity_text.h"
#include "complexity_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEDIUM_AT 0.35
#define HIGH_AT   0.65
#define PROMPTS   "data/complexity_prompts.tsv"

/* The score of a whole request, given as JSON. */
static struct complexity score_json(struct str json)
{
    const struct json_value *root;
    struct arena a;
    size_t offset;

    arena_init(&a, 64u << 20);
    CHECK(json_parse(&a, json, &root, &offset) == JSON_OK);
    struct complexity c = complexity_score(root);
    arena_done(&a);
    return c;
}

static struct complexity score_prompt(struct str prompt)
{
    struct json_write w;
    struct buf out;

    buf_init(&out, 8u << 20);
    json_write_init(&w, &out);
    json_write_begin(&w, '{');
    json_write_key(&w, "messages");
    json_write_begin(&w, '[');
    json_write_begin(&w, '{');
    json_write_member(&w, "role", "user");
    json_write_member_str(&w, "content", prompt);
    json_write_end(&w, '}');
    json_write_end(&w, ']');
    json_write_end(&w, '}');
    CHECK(json_write_finish(&w) == BUF_OK);
    struct complexity c = score_json(buf_str(&out));
    buf_done(&out);
    return c;
}

static enum complexity_level level_of(const char *prompt)
{
    return complexity_cut(score_prompt(str_from(prompt)).score, MEDIUM_AT, HIGH_AT);
}

/* ---- the labelled prompts ---- */

struct matrix {
    unsigned n[3][3]; /* [label][verdict] */
};

static unsigned sum(const struct matrix *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 9; i++)
        n += m->n[i / 3][i % 3];
    return n;
}

static unsigned exact(const struct matrix *m)
{
    return m->n[0][0] + m->n[1][1] + m->n[2][2];
}

static unsigned far_off(const struct matrix *m)
{
    return m->n[0][2] + m->n[2][0];
}

static void print_matrix(const char *title, const struct matrix *m)
{
    printf("%s: %u of %u exact (%.1f %%), %u between low and high\n", title, exact(m), sum(m),
           100.0 * exact(m) / sum(m), far_off(m));
    printf("  %-8s %6s %6s %6s\n", "label", "low", "medium", "high");
    for (unsigned i = 0; i < 3; i++)
        printf("  %-8s %6u %6u %6u\n", complexity_level_text(i), m->n[i][0], m->n[i][1],
               m->n[i][2]);
}

static unsigned level_named(struct str text)
{
    for (unsigned i = 0; i < 3; i++)
        if (str_is(text, complexity_level_text(i)))
            return i;
    fail_msg("no level '%.*s'", STR_ARG(text));
    return 0;
}

/* "\n" as a new line, in place. */
static struct str unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (from[0] == '\\' && from[1] == 'n')
            *to++ = '\n', from++;
        else
            *to++ = *from;
    }
    return (struct str){text, (size_t)(to - text)};
}

static void explain(const char *line, const struct complexity *c)
{
    if (!getenv("COMPLEXITY_EXPLAIN"))
        return;
    printf("%.3f", c->score);
    for (unsigned i = 0; i < COMPLEXITY_PARTS; i++)
        printf(" %s %.2f", complexity_part_text(i), c->parts[i]);
    printf(" | %s\n", line);
}

static void read_prompts(struct matrix *ret_tune, struct matrix *ret_held)
{
    FILE *f = fopen(PROMPTS, "re");
    char line[8192];

    CHECK(f != NULL);
    while (fgets(line, sizeof(line), f)) {
        struct str half, language, level;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        struct str rest = str_from(line);
        CHECK(str_cut(&rest, '\t', &half));
        CHECK(str_cut(&rest, '\t', &language));
        CHECK(str_cut(&rest, '\t', &level));
        unsigned label = level_named(level);
        bool is_held = str_is(half, "held");
        CHECK(is_held || str_is(half, "tune"));
        struct complexity c = score_prompt(unescape(line + (rest.data - line)));
        unsigned verdict = complexity_cut(c.score, MEDIUM_AT, HIGH_AT);
        (is_held ? ret_held : ret_tune)->n[label][verdict]++;
        if (!is_held && verdict != label)
            explain(line, &c);
    }
    fclose(f);
}

static void labelled_prompts_get_their_level(void **state)
{
    struct matrix tune = {0}, held = {0}, all;

    (void)state;
    read_prompts(&tune, &held);
    for (unsigned i = 0; i < 9; i++)
        all.n[i / 3][i % 3] = tune.n[i / 3][i % 3] + held.n[i / 3][i % 3];
    print_matrix("tuned on", &tune);
    print_matrix("held out", &held);
    print_matrix("all", &all);

    CHECK(sum(&all) >= 200 && sum(&held) >= 100);
    CHECK(exact(&all) * 100 >= sum(&all) * 85);
    CHECK(exact(&held) * 100 >= sum(&held) * 85);
    CHECK(far_off(&all) * 100 <= sum(&all) * 2);
    CHECK(far_off(&held) * 100 <= sum(&held) * 2);
}

/* ---- what the score is made of ---- */

static void a_short_hard_question_is_hard(void **state)
{
    (void)state;
    CHECK_INT(level_of("Prove that sqrt(2) is irrational."), COMPLEXITY_HIGH);
}

static void a_long_text_to_be_translated_is_easy(void **state)
{
    char prompt[9000] = "Translate into German:\n\n";

    (void)state;
    for (size_t n = strlen(prompt); n + 80 < sizeof(prompt); n = strlen(prompt))
        strcat(prompt, "Prove the theorem, then design the architecture; analyze it.\n");
    CHECK_INT(level_of(prompt), COMPLEXITY_LOW);
}

static void an_easy_ask_below_a_long_text_is_easy(void **state)
{
    char prompt[9000] = "";

    (void)state;
    for (size_t n = 0; n + 120 < sizeof(prompt); n = strlen(prompt))
        strcat(prompt, "We design the architecture and analyze its trade-offs in depth.\n");
    strcat(prompt, "\nTranslate this into one word.");
    CHECK_INT(level_of(prompt), COMPLEXITY_LOW);
}

static void a_word_inside_another_word_says_nothing(void **state)
{
    (void)state;
    CHECK(complexity_words_find(STR("design it")) != NULL);
    CHECK(complexity_words_find(STR("designer")) == NULL);
}

static void words_are_sorted_and_found(void **state)
{
    (void)state;
    CHECK(complexity_words_n <= COMPLEXITY_WORDS_MAX);
    for (size_t i = 0; i < complexity_words_n; i++) {
        const struct complexity_word *w = &complexity_words[i];
        CHECK(w->text.len >= COMPLEXITY_WORDS_MIN);
        if (i > 0)
            CHECK(strcmp(w[-1].text.data, w->text.data) < 0);
        CHECK(complexity_words_find(w->text) == w);
    }
}

static void escapes_and_letters_of_any_case_are_one_spelling(void **state)
{
    static const char spelled[] =
        "[{\"type\":\"text\",\"text\":\"\\u00c9T\\u00c9 \\\"\\u0414\\u0410\\\"\"},"
        "{\"type\":\"text\",\"text\":\"ДОКАЖИ\\n\xef\xbc\x9f\"},"
        "{\"type\":\"image_url\"}]";
    const struct json_value *v;
    struct complexity_text t;
    struct arena a;
    size_t offset;

    (void)state;
    arena_init(&a, 1u << 20);
    CHECK(json_parse(&a, STR(spelled), &v, &offset) == JSON_OK);
    complexity_text_read(v, &t);
    CHECK_STR(((struct str){t.data, t.len}), "été \"да\"докажи\n?");
    CHECK_U64(t.n_media, 1);
    arena_done(&a);
}

static void only_the_ends_of_a_long_text_are_read(void **state)
{
    char *text = malloc(1u << 20);
    struct complexity c;

    (void)state;
    memset(text, 'x', 1u << 20);
    c = score_prompt((struct str){text, 1u << 20});
    CHECK(c.parts[COMPLEXITY_PART_LENGTH] > 0.1);
    memcpy(text + (512u << 10), " prove ", 7);
    CHECK(score_prompt((struct str){text, 1u << 20}).score == c.score);
    memcpy(text + (1u << 20) - 7, " prove ", 7);
    CHECK(score_prompt((struct str){text, 1u << 20}).score > c.score);
    free(text);
}

static void tools_and_history_add_to_the_score(void **state)
{
    static const char ask[] = "{\"role\":\"user\",\"content\":\"Explain rain.\"}";
    char json[1024];

    (void)state;
    snprintf(json, sizeof(json), "{\"messages\":[%s]}", ask);
    double plain = score_json(str_from(json)).score;
    snprintf(json, sizeof(json), "{\"messages\":[%s],\"tools\":[{},{}]}", ask);
    CHECK(score_json(str_from(json)).score > plain);
    snprintf(json, sizeof(json), "{\"messages\":[%s,%s,%s,%s,%s]}", ask, ask, ask, ask, ask);
    CHECK(score_json(str_from(json)).score > plain);
}

static void every_api_asks_the_same_question(void **state)
{
#define QUESTION "Prove that the square root of two is irrational."
    static const char *const bodies[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"" QUESTION "\"}]}",
        "{\"input\":\"" QUESTION "\"}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"" QUESTION
        "\"}]},{\"type\":\"function_call\",\"name\":\"f\"}]}",
        "{\"prompt\":\"" QUESTION "\"}",
    };

    (void)state;
    double score = score_prompt(STR(QUESTION)).score;
    CHECK(score > HIGH_AT);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        CHECK(score_json(str_from(bodies[i])).score == score);
    CHECK(complexity_score(NULL).score < MEDIUM_AT); /* a body that is no JSON */
}

static void the_system_prompt_adds_nothing(void **state)
{
    static const char ask[] = "{\"role\":\"user\",\"content\":\"Hello\"}";
    char json[1024];

    (void)state;
    snprintf(json, sizeof(json), "{\"messages\":[%s]}", ask);
    double plain = score_json(str_from(json)).score;
    snprintf(json, sizeof(json),
             "{\"messages\":[{\"role\":\"system\",\"content\":\"Prove and design.\"},%s]}", ask);
    CHECK(score_json(str_from(json)).score == plain);
}

static void what_has_no_words_is_easy(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"messages\":[]}",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"Prove it\"}]}",
        "{\"messages\":[{\"role\":\"user\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":null}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[1,\"x\",{\"text\":2}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"tools\":7}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct complexity c = score_json(str_from(bodies[i]));
        CHECK_INT(complexity_cut(c.score, MEDIUM_AT, HIGH_AT), COMPLEXITY_LOW);
    }
}

static void thresholds_cut_where_they_stand(void **state)
{
    (void)state;
    CHECK_INT(complexity_cut(0.349, 0.35, 0.65), COMPLEXITY_LOW);
    CHECK_INT(complexity_cut(0.35, 0.35, 0.65), COMPLEXITY_MEDIUM);
    CHECK_INT(complexity_cut(0.65, 0.35, 0.65), COMPLEXITY_HIGH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labelled_prompts_get_their_level),
        cmocka_unit_test(a_short_hard_question_is_hard),
        cmocka_unit_test(a_long_text_to_be_translated_is_easy),
        cmocka_unit_test(an_easy_ask_below_a_long_text_is_easy),
        cmocka_unit_test(a_word_inside_another_word_says_nothing),
        cmocka_unit_test(words_are_sorted_and_found),
        cmocka_unit_test(escapes_and_letters_of_any_case_are_one_spelling),
        cmocka_unit_test(only_the_ends_of_a_long_text_are_read),
        cmocka_unit_test(tools_and_history_add_to_the_score),
        cmocka_unit_test(every_api_asks_the_same_question),
        cmocka_unit_test(the_system_prompt_adds_nothing),
        cmocka_unit_test(what_has_no_words_is_easy),
        cmocka_unit_test(thresholds_cut_where_they_stand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
