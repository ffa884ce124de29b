#include "window_words.h"

#include <stddef.h>
#include <string.h>

#define LEAST_LIMIT    256  /* tokens: what is smaller is no window */
#define BLIND          0.6  /* of the prompt, when the provider gives no number */
#define SLACK          0.95 /* for what the two counts disagree on */
#define DISTRUST       0.75 /* of a limit, when it is not known how its count compares to ours */
#define MOST           0.9  /* of the prompt: it was too large */
#define DEFAULT_OUTPUT 4096

/* What stands before the limit in the words of one provider or another. */
static const char *const before[] = {
    "maximum context length is ",      /* OpenAI, Azure, DeepSeek, OpenRouter, vLLM */
    "maximum model length of ",        /* vLLM */
    "model's context length (",        /* SGLang */
    "available context size (",        /* llama-server */
    "maximum prompt length is ",       /* xAI */
    "model with ",                     /* Mistral */
    "must be <= ",                     /* TGI */
    "tokens > ",                       /* Anthropic: prompt is too long: … tokens > N maximum */
    " > ",                             /* Anthropic: … exceed context limit: a + b > N */
    "number of tokens allowed (",      /* Gemini */
    "maximum number of input tokens ", /* Bedrock */
    "context length (",                /* Ollama */
    "max context length of ",
    "max context length (",
    "context window of ",
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number at the front of `text`; 128,000 is one. */
static uint64_t read_number(struct str text, size_t *ret_len)
{
    uint64_t n = 0;
    size_t i = 0;

    while (i < text.len &&
           (is_digit(text.data[i]) ||
            (i > 0 && text.data[i] == ',' && i + 1 < text.len && is_digit(text.data[i + 1])))) {
        if (text.data[i] != ',' && n < UINT64_MAX / 100)
            n = n * 10 + (uint64_t)(text.data[i] - '0');
        i++;
    }
    *ret_len = i;
    return n;
}

static uint64_t find_limit(struct str message)
{
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        const char *at = memmem(message.data, message.len, before[i], strlen(before[i]));
        if (!at)
            continue;
        at += strlen(before[i]);
        size_t len;
        uint64_t n = read_number((struct str){at, message.len - (size_t)(at - message.data)}, &len);
        if (n >= LEAST_LIMIT)
            return n;
    }
    return 0;
}

/* The largest number there is, if it is over the limit. */
static uint64_t find_actual(struct str message, uint64_t limit)
{
    uint64_t most = 0;

    for (size_t i = 0, len; i<message.len; i += len> 0 ? len : 1) {
        uint64_t n = read_number((struct str){message.data + i, message.len - i}, &len);
        most = n > most ? n : most;
    }
    return most > limit ? most : 0;
}

struct window_words window_words_read(struct str message)
{
    struct window_words w = {.limit = message.len > 0 ? find_limit(message) : 0};

    if (w.limit > 0)
        w.actual = find_actual(message, w.limit);
    return w;
}

uint64_t window_words_room(uint64_t window, uint64_t output)
{
    if (output == 0)
        output = window / 4 < DEFAULT_OUTPUT ? window / 4 : DEFAULT_OUTPUT;
    return window > output ? window - output : 0;
}

uint64_t window_words_budget(const struct window_words *w, const struct window_fit *fit)
{
    double prompt = (double)fit->prompt, budget = prompt * BLIND;

    if (w->limit > 0) {
        double room = (double)window_words_room(w->limit, fit->output);
        double actual = (double)w->actual;
        /* What the request came to there, without the room for the answer it may include. */
        budget = actual > 0 ? room * SLACK * prompt / actual : room * DISTRUST;
    }
    return (uint64_t)(budget < prompt * MOST ? budget : prompt * MOST);
}
