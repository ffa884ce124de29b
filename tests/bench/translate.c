/* What does one chunk of a stream cost between any two APIs? CPU microseconds, without sockets.
 *
 *   translate FOLDER [ROUNDS]     FOLDER is tests/conformance/golden
 */
#include "frames.h"
#include "inbound.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_STREAM (1u << 20)

struct run {
    const struct dialect *dialect;
    const struct inbound *inbound;
    struct dialect_stream reader;
    struct inbound_stream writer;
    struct arena arena;
    struct buf out;
    uint64_t n_frames, n_bytes;
};

static bool on_frame(void *arg, struct str name, struct str data)
{
    struct run *r = arg;
    struct chat_events events;

    chat_event_list_init(&events, &r->arena);
    buf_clear(&r->out);
    r->n_frames++;
    if (!r->dialect->read_event(&r->reader, name, data, &events))
        abort();
    for (const struct chat_event *e = events.first; e; e = e->next)
        if (e->kind != CHAT_START && e->kind != CHAT_DONE && e->kind != CHAT_ERROR &&
            r->inbound->write_event(&r->writer, e, &r->out) != BUF_OK)
            abort();
    r->n_bytes += r->out.len;
    arena_clear(&r->arena);
    return true;
}

static void translate(struct run *r, struct str stream)
{
    static const struct chat chat = {.n = 1};
    static const struct inbound_answer answer = {
        .id = "req_0123456789abcdef", .model = "small", .created = 1764000000, .chat = &chat};
    struct frames frames;

    r->reader = (struct dialect_stream){.n_tools = 0};
    inbound_stream_init(&r->writer, &answer);
    frames_init(&frames, r->dialect, on_frame, r);
    if (frames_feed(&frames, stream) == FRAMES_INVALID)
        abort();
    frames_done(&frames);
    inbound_stream_done(&r->writer);
}

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The recording's chunks; enough of them that the ends of the stream do not count. */
static bool read_file(const char *folder, const char *dialect, const char *name, struct buf *ret)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s/%s.stream", folder, dialect, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    char *to = buf_reserve(ret, MAX_STREAM);
    if (!to)
        abort();
    buf_commit(ret, fread(to, 1, MAX_STREAM, f));
    fclose(f);
    return true;
}

static void measure(const struct dialect *d, const struct inbound *in, struct str stream,
                    unsigned rounds)
{
    struct run r = {.dialect = d, .inbound = in};

    arena_init(&r.arena, 64u << 20);
    buf_init(&r.out, 8u << 20);
    translate(&r, stream);
    r.n_frames = r.n_bytes = 0;
    double before = cpu_us();
    for (unsigned i = 0; i < rounds; i++)
        translate(&r, stream);
    double spent = cpu_us() - before;
    printf(" %10.2f", spent / (double)r.n_frames);
    arena_done(&r.arena);
    buf_done(&r.out);
}

int main(int argc, char **argv)
{
    static const struct dialect *const dialects[] = {
        &dialect_openai, &dialect_anthropic, &dialect_gemini, &dialect_bedrock, &dialect_ollama};
    static const struct inbound *const inbounds[] = {&inbound_chat, &inbound_completions,
                                                     &inbound_responses, &inbound_messages};
    static const char *const streams[] = {"text", "thinking", "tools"};
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;

    if (argc < 2)
        return 2;
    printf("%-20s", "CPU us a chunk");
    for (size_t i = 0; i < sizeof(inbounds) / sizeof(*inbounds); i++)
        printf(" %10.10s", strrchr(inbounds[i]->route, '/') + 1);
    printf("\n");
    for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++)
        for (size_t k = 0; k < sizeof(streams) / sizeof(*streams); k++) {
            struct buf stream;
            buf_init(&stream, MAX_STREAM);
            if (read_file(argv[1], dialects[i]->name, streams[k], &stream)) {
                printf("%-9s %-10s", dialects[i]->name, streams[k]);
                for (size_t n = 0; n < sizeof(inbounds) / sizeof(*inbounds); n++)
                    measure(dialects[i], inbounds[n], buf_str(&stream), rounds);
                printf("\n");
            }
            buf_done(&stream);
        }
    return 0;
}
