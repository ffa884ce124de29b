#include "sim_chat.h"

uint64_t sim_chat_tokens(uint64_t bytes)
{
    return (bytes + 3) / 4;
}
