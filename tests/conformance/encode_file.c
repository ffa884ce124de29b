/* encode_file.c -- what the tokenizer makes of a file, for comparison with the reference.
 *
 *   encode_file ids TABLE INPUT     INPUT is texts, each behind its length (u32, little endian);
 *                                   prints each text's number of tokens and the tokens (u32)
 *   encode_file time TABLE INPUT N  counts INPUT as one text N times; prints the processor's
 *                                   nanoseconds to open the table and of each pass, then the count
 */
#include "io/map_file.h"
#include "timing.h"
#include "tokens/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_ids(struct encode *e, struct str texts)
{
    uint32_t *ids = malloc((texts.len + 1) * sizeof(*ids)), len;

    for (; texts.len >= 4; texts.data += len, texts.len -= len) {
        uint64_t count;
        uint32_t n;
        size_t got;
        memcpy(&len, texts.data, 4);
        texts.data += 4;
        texts.len -= 4;
        timing_need(len <= texts.len, "a text is cut short");
        timing_need(encode_ids(e, (struct str){texts.data, len}, ids, &got) == ENCODE_OK, "ids");
        timing_need(encode_count(e, (struct str){texts.data, len}, UINT64_MAX, &count) == ENCODE_OK,
                    "count");
        timing_need(count == got, "the count is not the number of tokens");
        n = (uint32_t)got;
        fwrite(&n, 4, 1, stdout);
        fwrite(ids, 4, n, stdout);
    }
    free(ids);
}

static void print_times(struct encode *e, struct str text, int passes)
{
    uint64_t count = 0;

    for (int i = 0; i < passes; i++) {
        uint64_t begun = timing_ns();
        timing_need(encode_count(e, text, UINT64_MAX, &count) == ENCODE_OK, "count");
        printf("%llu\n", (unsigned long long)(timing_ns() - begun));
    }
    printf("%llu\n", (unsigned long long)count);
}

int main(int argc, char **argv)
{
    struct str table = {0}, input = {0};
    struct vocab v;
    struct encode *e;
    uint64_t begun = timing_ns();

    timing_need(argc >= 4, "usage: encode_file ids|time TABLE INPUT [PASSES]");
    timing_need(map_file_open(argv[2], &table) == 0 && vocab_init(&v, table) == VOCAB_OK, argv[2]);
    begun = timing_ns() - begun;
    timing_need(map_file_open(argv[3], &input) == 0, argv[3]);
    e = encode_new(&v);
    if (strcmp(argv[1], "ids") == 0) {
        timing_need(vocab_is_intact(&v), "the table is damaged");
        print_ids(e, input);
    } else {
        printf("%llu\n", (unsigned long long)begun);
        print_times(e, input, argc > 4 ? atoi(argv[4]) : 1);
    }
    encode_free(&e);
    map_file_close(&table);
    map_file_close(&input);
    return 0;
}
