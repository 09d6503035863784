/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_ANSWER_H
#define EGRESSD_PROCESSES_ANSWER_H

#include <stddef.h>

/*
 * Answers one question of that many bytes (processes/question.h), which may be anything. The answer
 * is the caller's to free. 0, -EBADMSG for what is no question, or -ENOMEM.
 */
int process_answer(const void *question, size_t length, char **ret_answer, size_t *ret_length);

#endif
