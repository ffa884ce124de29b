#include "vocab_json_steps.h"

#include <string.h>

#define MAX_STEPS 3

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER        "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER        "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define FRONT        "[^\\r\\n\\p{L}\\p{N}]?"
#define SPACES       "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define SYMBOLS      "| ?[^\\s\\p{L}\\p{N}]+"

/* As the files spell them. */
static const struct known {
    enum pretoken_family family;
    const char *steps[MAX_STEPS];
} known[] = {
    {PRETOKEN_CL100K, {CONTRACTIONS "|" FRONT "\\p{L}+|\\p{N}{1,3}" SYMBOLS "[\\r\\n]*" SPACES}},
    {PRETOKEN_QWEN2, {CONTRACTIONS "|" FRONT "\\p{L}+|\\p{N}" SYMBOLS "[\\r\\n]*" SPACES}},
    {PRETOKEN_O200K,
     {FRONT UPPER "*" LOWER "+" CONTRACTIONS "?|" FRONT UPPER "+" LOWER "*" CONTRACTIONS
                  "?|\\p{N}{1,3}" SYMBOLS "[\\r\\n/]*" SPACES}},
    {PRETOKEN_TEKKEN,
     {FRONT UPPER "*" LOWER "+|" FRONT UPPER "+" LOWER "*|\\p{N}" SYMBOLS "[\\r\\n/]*" SPACES}},
    {PRETOKEN_DEEPSEEK,
     {"\\p{N}{1,3}",
      "[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
      "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"}},
};

static bool is_type(const struct json_value *step, const char *quoted)
{
    const struct json_value *type = json_get(step, "type");

    return type && str_is(type->raw, quoted);
}

/* A step alone, or the steps of a sequence; the end is NULL. */
static const struct json_value *first_step(const struct json_value *v, const char *list,
                                           bool *ret_is_list)
{
    *ret_is_list = is_type(v, "\"Sequence\"");
    if (!*ret_is_list)
        return v && !json_is(v, JSON_NULL) ? v : NULL;
    v = json_get(v, list);
    return json_is(v, JSON_ARRAY) ? v->child : NULL;
}

bool vocab_json_steps_normalizer(const struct json_value *normalizer, bool *ret_nfc,
                                 struct str *reterr_what)
{
    bool is_list;
    const struct json_value *step = first_step(normalizer, "normalizers", &is_list);

    *ret_nfc = false;
    for (; step; step = is_list ? step->next : NULL) {
        *reterr_what = step->raw;
        if (!is_type(step, "\"NFC\""))
            return false;
        *ret_nfc = true;
    }
    return true;
}

/* The expression's matches are pieces, and so is what lies between them. */
static bool read_split(struct arena *a, const struct json_value *step, struct str *ret)
{
    const struct json_value *behavior = json_get(step, "behavior");
    bool is_inverted = json_is(json_get(step, "invert"), JSON_TRUE);

    return is_type(step, "\"Split\"") && behavior &&
           str_is(behavior->raw, is_inverted ? "\"Removed\"" : "\"Isolated\"") &&
           json_string(json_at(step, "pattern.Regex"), a, ret);
}

/* Bytes spelled as letters, the text as it is; `ret_cuts` if it cuts as GPT-2 does. What the file
 * leaves out is true. */
static bool read_byte_level(const struct json_value *step, bool *ret_cuts)
{
    *ret_cuts = !json_is(json_get(step, "use_regex"), JSON_FALSE);
    return is_type(step, "\"ByteLevel\"") &&
           json_is(json_get(step, "add_prefix_space"), JSON_FALSE);
}

static bool is_known(const struct known *k, const struct str *steps, size_t n)
{
    for (size_t i = 0; i < MAX_STEPS; i++) {
        if (i < n ? !k->steps[i] || !str_is(steps[i], k->steps[i]) : k->steps[i] != NULL)
            return false;
    }
    return n > 0;
}

bool vocab_json_steps_family(struct arena *a, const struct json_value *pre_tokenizer,
                             enum pretoken_family *ret, struct str *reterr_what)
{
    struct str steps[MAX_STEPS];
    bool is_list, cuts = true;
    const struct json_value *step = first_step(pre_tokenizer, "pretokenizers", &is_list);
    size_t n = 0;

    *reterr_what = pre_tokenizer ? pre_tokenizer->raw : STR("no pre_tokenizer");
    while (step && is_list && step->next) {
        if (n == MAX_STEPS || !read_split(a, step, &steps[n++]))
            return false;
        step = step->next;
    }
    if (!step || !read_byte_level(step, &cuts) || cuts != (n == 0))
        return false;
    if (cuts)
        *ret = PRETOKEN_GPT2;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (is_known(&known[i], steps, n)) {
            *ret = known[i].family;
            return true;
        }
    }
    return cuts;
}
