/* The Python program, which lies beside this one and takes over what is not answered here. */
#ifndef KEYWRIGHT_PROGRAM_H
#define KEYWRIGHT_PROGRAM_H

#include <stdbool.h>

#include "question.h"
#include "text.h"

/* Puts its path together, whatever link this program was called by; false if the system does not tell. */
bool python_program(struct words *program);

/* Becomes it, with the same arguments and standard input as they were. Returns an exit code if that fails, which it
 * has then told. */
int become_python(const struct question *question, char *const *argv);

#endif
