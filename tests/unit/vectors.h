/* vectors.h -- a golden vector of the bus as a test reads it. */
#pragma once

#include "proto/message.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vector {
    struct message_header header;
    struct str body, frame;
};

struct fixture {
    struct arena arena;
    struct buf file, out;
};

static inline int set_up(void **state)
{
    static struct fixture f;

    arena_init(&f.arena, 4 << 20);
    buf_init(&f.file, 1 << 16);
    buf_init(&f.out, 1 << 20);
    *state = &f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    buf_done(&f->file);
    buf_done(&f->out);
    return 0;
}

static inline void read_header(struct str text, struct message_header *ret)
{
    char digits[2 * MESSAGE_HEADER_SIZE + 1] = "";
    uint8_t bytes[MESSAGE_HEADER_SIZE], again[MESSAGE_HEADER_SIZE];
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != ' ' && n < sizeof(digits) - 1)
            digits[n++] = text.data[i];
    }
    CHECK_U64(n, sizeof(digits) - 1);
    for (size_t i = 0; i < MESSAGE_HEADER_SIZE; i++) {
        char two[3] = {digits[2 * i], digits[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    CHECK_INT(message_decode((struct str){(char *)bytes, sizeof(bytes)}, ret), MESSAGE_OK);
    message_encode(ret, again);
    CHECK(memcmp(bytes, again, sizeof(bytes)) == 0);
}

/* The header is checked in both directions on the way. */
static inline struct vector load(struct fixture *f, const char *name)
{
    struct vector v = {.body = STR_EMPTY, .frame = STR_EMPTY};
    char path[256];

    snprintf(path, sizeof(path), "../../proto/vectors/%s.txt", name);
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s cannot be opened", path);
    arena_clear(&f->arena);
    buf_clear(&f->file);
    buf_clear(&f->out);
    char *to = buf_reserve(&f->file, 1 << 15);
    buf_commit(&f->file, fread(to, 1, 1 << 15, file));
    fclose(file);

    struct str rest = buf_str(&f->file), line, word;
    while (str_cut(&rest, '\n', &line) && line.len > 0) {
        CHECK(str_cut(&line, ' ', &word));
        if (str_is(word, "header"))
            read_header(line, &v.header);
        else if (str_is(word, "body"))
            v.body = line;
        else if (str_is(word, "frame"))
            v.frame = line;
        else
            fail_msg("%s: what is %.*s?", path, STR_ARG(word));
    }
    return v;
}

static inline void check_text(struct str is, struct str should)
{
    if (!str_equal(is, should))
        fail_msg("%.*s instead of %.*s", STR_ARG(is), STR_ARG(should));
}
