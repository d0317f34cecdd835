/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what machines of services answer at apply: a code, and the packed message of a reply
 * or the failure that the caller gets. So that a refusal goes through the log like an answer, and
 * is remembered like one.
 *
 *     i32  code: 0, or why it was refused
 *     the message; of a refusal rpc_failure_encode's bytes
 */
#ifndef REPLOG_ANSWER_H
#define REPLOG_ANSWER_H

#include "base/buffer.h"
#include "replog/replog.h"
#include "rpc/dup.h"

/* All of these write *reply anew. */
int replog_answer_begin(struct base_buffer *reply, int code, struct gw_error *error) GW_MUST_CHECK;
int replog_answer(struct base_buffer *reply, int code, struct gw_bytes payload,
		  struct gw_error *error) GW_MUST_CHECK;
int replog_answer_failure(struct base_buffer *reply, int code, const char *why,
			  struct gw_error *error) GW_MUST_CHECK;

/* What was answered, without the code. */
struct gw_bytes replog_answer_payload(const struct base_buffer *reply);
/* Taken apart; payload points into reply. GW_E_CORRUPT. */
int replog_answer_read(struct gw_bytes reply, int *code, struct gw_bytes *payload,
		       struct gw_error *error) GW_MUST_CHECK;
/*
 * Why the member with this log does not answer a call, when it is not the caller's deadline or too
 * much work: with the leader's address, when there is one and it is not own (NULL: alone). Returns
 * GW_E_NOT_LEADER, or code. call may be NULL, name is the member's.
 */
int replog_elsewhere(struct replog *log, const char *own, const char *name,
		     struct gw_rpc_call *call, int code, struct gw_error *error);
/* The sentence of a refusal, as a failure here; returns code. */
int replog_answer_refused(int code, struct gw_bytes payload, struct gw_error *error);

#endif
