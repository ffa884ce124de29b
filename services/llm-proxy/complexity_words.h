/* complexity_words.h -- what does a word of a prompt say about the work that is asked for?
 *
 * Data: words, stems and phrases of six languages (English, German, French, Spanish, Russian,
 * Chinese), in lower case, sorted by bytes. Whole words, not substrings: "list" is not in "listen".
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define COMPLEXITY_WORDS_MIN 3    /* bytes of the shortest */
#define COMPLEXITY_WORDS_MAX 2048 /* rows at most */

enum complexity_class {
    COMPLEXITY_TOPIC,     /* a subject that is rarely easy: deadlock, theorem */
    COMPLEXITY_BOUND,     /* a condition the answer has to meet: at most, without */
    COMPLEXITY_STEP,      /* then, finally */
    COMPLEXITY_CHAT,      /* hello, thanks */
    COMPLEXITY_FACT,      /* who, when, how many */
    COMPLEXITY_TRANSFORM, /* translate, repeat, classify: the rest is payload */
    COMPLEXITY_CONDENSE,  /* summarize: likewise */
    COMPLEXITY_EXPLAIN,   /* ordinary work: explain, write, compare */
    COMPLEXITY_HARD,      /* design, analyze, refactor */
    COMPLEXITY_PROOF,     /* prove, derive */
    COMPLEXITY_CLASSES,
};

struct complexity_word {
    struct str text;
    enum complexity_class class;
    bool is_stem; /* whatever letters follow */
};

extern const struct complexity_word complexity_words[];
extern const size_t complexity_words_n;

/* Written without spaces: any character may begin a word. */
bool complexity_words_is_han(char lead);

/* The longest row at the start of `text`, which is at the start of a word and in lower case; NULL
 * when there is none. */
const struct complexity_word *complexity_words_find(struct str text);
