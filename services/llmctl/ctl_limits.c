#include "ctl_limits.h"

#include "base/json_write.h"

#include <stdio.h>
#include <string.h>

enum option_kind { TEXT, NUMBER, LIST };

/* Options and the members they become. */
static const struct {
    const char *option, *member;
    enum option_kind kind;
} options[] = {
    {"--name", "name", TEXT},
    {"--team", "team", TEXT},
    {"--tags", "tags", TEXT},
    {"--models", "models", LIST},
    {"--budget", "budget_usd", TEXT},
    {"--budget-daily", "budget_daily_usd", TEXT},
    {"--budget-monthly", "budget_monthly_usd", TEXT},
    {"--zone", "zone", TEXT},
    {"--expires", "expires", TEXT},
    {"--rpm", "rpm", NUMBER},
    {"--tpm", "tpm", NUMBER},
    {"--parallel", "parallel", NUMBER},
    {"--unpriced", "unpriced", TEXT},
    {"--outage", "outage", TEXT},
    {"--grace", "grace", TEXT},
};

static bool is_number(const char *text)
{
    return text[0] != '\0' && strlen(text) < 19 && text[strspn(text, "0123456789")] == '\0';
}

static void write_list(struct json_write *w, const char *text)
{
    struct str rest = str_from(text), part;

    json_write_begin(w, '[');
    while (str_cut(&rest, ',', &part))
        if (part.len > 0)
            json_write_str(w, str_trim(part));
    json_write_end(w, ']');
}

static bool write_value(struct json_write *w, enum option_kind kind, const char *value)
{
    if (strcmp(value, "none") == 0) {
        json_write_null(w);
        return true;
    }
    switch (kind) {
    case TEXT:
        json_write_text(w, value);
        return true;
    case NUMBER:
        json_write_raw(w, is_number(value) ? str_from(value) : STR("null"));
        return is_number(value);
    case LIST:
        write_list(w, value);
        return true;
    }
    return false;
}

static bool write_option(struct json_write *w, const char *option, const char *value)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].option, option) != 0)
            continue;
        json_write_key(w, options[i].member);
        if (write_value(w, options[i].kind, value))
            return true;
        fprintf(stderr, "llmctl: %s must be a whole number or none, not '%s'\n", option, value);
        return false;
    }
    fprintf(stderr, "llmctl: there is no option '%s'\n", option);
    return false;
}

bool ctl_limits_write(int argc, char **argv, struct buf *out)
{
    struct json_write w;
    bool is_usable = argc % 2 == 0;

    if (!is_usable)
        fprintf(stderr, "llmctl: '%s' has no value\n", argv[argc - 1]);

    json_write_init(&w, out);
    json_write_begin(&w, '{');
    for (int i = 0; is_usable && i < argc; i += 2)
        is_usable = write_option(&w, argv[i], argv[i + 1]);
    json_write_end(&w, '}');
    return is_usable && json_write_finish(&w) == BUF_OK;
}

bool ctl_limits_path(const char *folder, const char *name, char *to, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = strlen(folder);

    if (name[0] == '\0' || n >= size)
        return false;
    memcpy(to, folder, n);
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || strchr("-_.~", c);
        if (n + 4 > size)
            return false;
        if (is_plain) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '%';
        to[n++] = hex[c >> 4];
        to[n++] = hex[c & 15];
    }
    to[n] = '\0';
    return true;
}
