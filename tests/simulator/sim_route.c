#include "sim_route.h"

#include "sim_anthropic.h"
#include "sim_bedrock.h"
#include "sim_completions.h"
#include "sim_gemini.h"
#include "sim_ollama.h"
#include "sim_openai.h"
#include "sim_responses.h"

#include <string.h>

bool sim_route_ends_with(struct str s, const char *end)
{
    size_t n = strlen(end);

    return s.len >= n && memcmp(s.data + s.len - n, end, n) == 0;
}

const struct sim_dialect *sim_route_chat(const struct sim_http_request *request)
{
    static const struct {
        const char *end;
        const struct sim_dialect *dialect;
    } routes[] = {
        {"/chat/completions", &sim_openai}, {"/completions", &sim_completions},
        {"/responses", &sim_responses},     {"/v1/messages", &sim_anthropic},
        {":generateContent", &sim_gemini},  {":streamGenerateContent", &sim_gemini},
        {"/converse", &sim_bedrock},        {"/converse-stream", &sim_bedrock},
        {"/api/chat", &sim_ollama},         {"/api/generate", &sim_ollama_generate},
    };

    if (!str_is(request->method, "POST"))
        return NULL;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (sim_route_ends_with(request->path, routes[i].end))
            return routes[i].dialect;
    return NULL;
}
