#include "base/http1_chunked.h"

#include "base/http1_head.h"

#include <stdbool.h>

#define MAX_SIZE_LINE 1024
#define MAX_TRAILER   8192

enum state {
    SIZE_FIRST,
    SIZE,
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_VALUE_FIRST,
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPE,
    EXT_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    END,
    INVALID,
};

static bool is_text(char c)
{
    unsigned char u = (unsigned char)c;

    return u == '\t' || (u >= 0x20 && u != 0x7f);
}

static enum state read_size(struct http1_chunked *c, char ch)
{
    int digit = http1_head_hex_digit(ch);

    if (digit < 0)
        return INVALID;
    if (c->left >> 58) /* one more digit could not be counted */
        return INVALID;
    c->left = c->left * 16 + (unsigned)digit;
    return SIZE;
}

/* A size, a name or a value is whole, and `ch` is not part of it. */
static enum state end_part(char ch)
{
    return ch == ';' ? EXT_NAME_FIRST : ch == '\r' ? SIZE_LF : INVALID;
}

static enum state step_extension(enum state state, char ch)
{
    bool is_token = http1_head_is_token_char(ch);

    if (state == EXT_NAME_FIRST)
        return is_token ? EXT_NAME : INVALID;
    if (state == EXT_NAME)
        return is_token ? EXT_NAME : ch == '=' ? EXT_VALUE_FIRST : end_part(ch);
    if (state == EXT_VALUE_FIRST)
        return ch == '"' ? EXT_QUOTED : is_token ? EXT_TOKEN : INVALID;
    if (state == EXT_TOKEN)
        return is_token ? EXT_TOKEN : end_part(ch);
    if (state == EXT_QUOTED && ch == '"')
        return EXT_END;
    if (state == EXT_QUOTED && ch == '\\')
        return EXT_ESCAPE;
    return is_text(ch) ? EXT_QUOTED : INVALID; /* EXT_QUOTED, EXT_ESCAPE */
}

/* The state machine of everything that is not data. */
static enum state step(struct http1_chunked *c, char ch)
{
    enum state state = c->state;

    switch (state) {
    case SIZE_FIRST:
        return read_size(c, ch);
    case SIZE:
        return http1_head_hex_digit(ch) >= 0 ? read_size(c, ch) : end_part(ch);
    case EXT_NAME_FIRST:
    case EXT_NAME:
    case EXT_VALUE_FIRST:
    case EXT_TOKEN:
    case EXT_QUOTED:
    case EXT_ESCAPE:
        return step_extension(state, ch);
    case EXT_END:
        return end_part(ch);
    case SIZE_LF:
        c->line_len = 0;
        return ch != '\n' ? INVALID : c->left > 0 ? DATA : TRAILER_FIRST;
    case DATA_CR:
        return ch == '\r' ? DATA_LF : INVALID;
    case DATA_LF:
        return ch == '\n' ? SIZE_FIRST : INVALID;
    case TRAILER_FIRST:
        if (ch == '\r')
            return LAST_LF;
        return http1_head_is_token_char(ch) ? TRAILER_NAME : INVALID;
    case TRAILER_NAME:
        if (ch == ':')
            return TRAILER_VALUE;
        return http1_head_is_token_char(ch) ? TRAILER_NAME : INVALID;
    case TRAILER_VALUE:
        if (ch == '\r')
            return TRAILER_LF;
        return is_text(ch) ? TRAILER_VALUE : INVALID;
    case TRAILER_LF:
        return ch == '\n' ? TRAILER_FIRST : INVALID;
    case LAST_LF:
        return ch == '\n' ? END : INVALID;
    case DATA:
    case END:
    case INVALID:
        break;
    }
    return INVALID;
}

static bool is_too_long(struct http1_chunked *c)
{
    if (c->state == DATA_CR || c->state == DATA_LF)
        return false;
    return ++c->line_len > (c->state < TRAILER_FIRST ? MAX_SIZE_LINE : MAX_TRAILER);
}

enum http1_chunked_result http1_chunked_next(struct http1_chunked *c, struct str *in,
                                             struct str *ret_piece)
{
    while (in->len > 0 && c->state != END && c->state != INVALID) {
        if (c->state == DATA) {
            size_t n = in->len < c->left ? in->len : (size_t)c->left;
            *ret_piece = (struct str){in->data, n};
            in->data += n;
            in->len -= n;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            return HTTP1_CHUNKED_DATA;
        }
        c->state = is_too_long(c) ? INVALID : step(c, in->data[0]);
        in->data++;
        in->len--;
    }
    return c->state == END       ? HTTP1_CHUNKED_END
           : c->state == INVALID ? HTTP1_CHUNKED_INVALID
                                 : HTTP1_CHUNKED_MORE;
}
