/* chat_feature.h -- what may a caller ask for that not every provider can do?
 *
 * A dialect that cannot carry something over names it here, and the caller's API knows by which
 * field it was asked for: a 400 names that field, nothing is dropped silently.
 */
#pragma once

enum chat_feature {
    CHAT_FEATURE_NONE = 0,
    CHAT_FEATURE_N,
    CHAT_FEATURE_LOGPROBS,
    CHAT_FEATURE_LOGIT_BIAS,
    CHAT_FEATURE_TEMPERATURE, /* its value: out of the provider's range */
    CHAT_FEATURE_TOP_P,
    CHAT_FEATURE_TOP_K,
    CHAT_FEATURE_MIN_P,
    CHAT_FEATURE_SEED,
    CHAT_FEATURE_FREQUENCY_PENALTY,
    CHAT_FEATURE_PRESENCE_PENALTY,
    CHAT_FEATURE_REPETITION_PENALTY,
    CHAT_FEATURE_STOP, /* too many */
    CHAT_FEATURE_TOOLS,
    CHAT_FEATURE_TOOL_CHOICE,
    CHAT_FEATURE_PARALLEL_TOOL_CALLS,
    CHAT_FEATURE_FORMAT,
    CHAT_FEATURE_REASONING,
    CHAT_FEATURE_VERBOSITY,
    CHAT_FEATURE_SERVICE_TIER,
    CHAT_FEATURE_IMAGE, /* at all, or by URL */
    CHAT_FEATURE_AUDIO,
    CHAT_FEATURE_FILE,
    CHAT_FEATURE_TOOL_RESULT, /* its content: an image, say */
    CHAT_FEATURE_EMBEDDINGS,
    CHAT_FEATURE_DIMENSIONS, /* of embeddings */
    CHAT_FEATURE_TOKENS,     /* in place of a text to be embedded */
    CHAT_FEATURES,
};
