/* pull_ollama.h -- how far is an Ollama that fetches a model itself?
 */
#pragma once

#include "pull_job.h"

/* On the job's thread and loop; says how it ended in the job. Asked again after a broken
 * connection, Ollama goes on where it was. */
void pull_ollama_run(struct pull_job *j);
