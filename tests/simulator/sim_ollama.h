/* sim_ollama.h -- how does Ollama spell a chat (/api/chat) and a completion (/api/generate)? */
#pragma once

#include "sim_dialect.h"

extern const struct sim_dialect sim_ollama;
extern const struct sim_dialect sim_ollama_generate;
