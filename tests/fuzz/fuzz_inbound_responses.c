#include "inbound.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '\0')
            return false;
    return true;
}

static size_t walk_parts(const struct chat_part *parts)
{
    size_t n = 0;

    for (const struct chat_part *p = parts; p; p = p->next) {
        if (!is_inside(p->text) || !is_inside(p->id) || !is_inside(p->arguments) ||
            !is_inside(p->data) || !is_inside(p->url) || !is_inside(p->signature))
            abort();
        n += 1 + walk_parts(p->content);
    }
    return n;
}

/* The property: a request is read whole, or its one fault has a sentence; every text that was read
 * can be looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct inbound *const apis[] = {&inbound_responses, &inbound_completions};
    struct chat_request request;
    struct inbound_fault fault = {NULL, NULL};
    struct chat chat;
    struct arena a;

    arena_init(&a, 16u << 20);
    if (chat_request_parse(&a, (struct str){(const char *)data, size}, &request, &fault.message,
                           &fault.param) == CHAT_REQUEST_OK)
        for (size_t i = 0; i < 2; i++) {
            if (!apis[i]->read_request(&a, &request, &fault))
                continue;
            if (apis[i]->read_chat(&a, request.root, &chat, &fault)) {
                for (const struct chat_message *m = chat.messages; m; m = m->next)
                    (void)walk_parts(m->parts);
            } else if (!fault.message || !fault.param || strlen(fault.message) < 10) {
                abort();
            }
        }
    arena_done(&a);
    return 0;
}
