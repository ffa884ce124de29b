#include "settings/relatives.h"

#include "base/str.h"
#include "settings/catalogue.h"

#include <string.h>

#define AZURE_API_VERSION "2024-10-21"

static struct str host_of(const char *base_url)
{
    const char *host = strstr(base_url, "://");

    host = host ? host + 3 : base_url;
    return (struct str){host, strcspn(host, ":/")};
}

/* The host itself or one below it. */
static bool is_under(struct str host, const char *domain)
{
    size_t len = strlen(domain);

    if (host.len < len || (host.len > len && host.data[host.len - len - 1] != '.'))
        return false;
    return str_is_nocase((struct str){host.data + host.len - len, len}, domain);
}

enum settings_variant relatives_find(const struct settings_provider *p)
{
    static const struct {
        const char *domain;
        enum settings_variant variant;
    } domains[] = {
        {"api.openai.com", VARIANT_OPENAI},
        {"openai.azure.com", VARIANT_AZURE},
        {"cognitiveservices.azure.com", VARIANT_AZURE},
        {"services.ai.azure.com", VARIANT_AZURE},
        {"api.groq.com", VARIANT_GROQ},
        {"mistral.ai", VARIANT_MISTRAL},
        {"api.deepseek.com", VARIANT_DEEPSEEK},
        {"openrouter.ai", VARIANT_OPENROUTER},
        {"api.x.ai", VARIANT_XAI},
        {"api.together.xyz", VARIANT_TOGETHER},
        {"api.together.ai", VARIANT_TOGETHER},
    };

    if (p->dialect != DIALECT_OPENAI)
        return VARIANT_AUTO;
    if (p->variant != VARIANT_AUTO || !p->base_url)
        return p->variant;
    struct str host = host_of(p->base_url);
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
        if (is_under(host, domains[i].domain))
            return domains[i].variant;
    return VARIANT_AUTO;
}

bool relatives_has_deployments(const struct settings_provider *p)
{
    size_t len = strlen(p->base_url);

    return relatives_find(p) == VARIANT_AZURE &&
           (len < 3 || strcmp(p->base_url + len - 3, "/v1") != 0);
}

const char *relatives_api_version(const struct settings_provider *p)
{
    return p->api_version ? p->api_version : AZURE_API_VERSION;
}
