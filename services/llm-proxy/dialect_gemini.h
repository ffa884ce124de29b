/* dialect_gemini.h -- what do the files of Gemini's dialect share? */
#pragma once

#include "base/json_write.h"
#include "dialect.h"

struct dialect_gemini_writer {
    struct json_write w;
    struct arena *a;
    const struct dialect_request *request;
    const struct chat *chat;
    unsigned generation;      /* of the model: 2, 3, …; 0: its name does not say */
    enum chat_feature cannot; /* the first thing that cannot be said */
};

void dialect_gemini_write_refuse(struct dialect_gemini_writer *wr, enum chat_feature f);
void dialect_gemini_write_raw(struct json_write *w, const char *key, struct str json); /* if any */

/* The members "systemInstruction" and "contents". */
void dialect_gemini_contents(struct dialect_gemini_writer *wr);

/* "/models/NAME:METHOD", the name escaped; NULL when it is too long or the arena is full. */
const char *dialect_gemini_write_path(struct arena *a, const char *model, const char *method);

/* Embeddings, by :batchEmbedContents. */
enum dialect_result dialect_gemini_embed_write(struct arena *a, const struct dialect_request *r,
                                               struct dialect_call *ret);
bool dialect_gemini_embed_read(struct arena *a, struct str body, struct embed_answer *ret);

/* A chat of another API as a request to :generateContent or :streamGenerateContent. */
enum dialect_result dialect_gemini_write(struct arena *a, const struct dialect_request *r,
                                         struct dialect_call *ret);
