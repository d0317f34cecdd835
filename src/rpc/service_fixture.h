/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_fixture.h - the service of fixture.proto as tests want it: it counts what it does, and
 * can be made to wait.
 */
#ifndef RPC_SERVICE_FIXTURE_H
#define RPC_SERVICE_FIXTURE_H

#include "base/buffer.h"
#include "base/log.h"
#include "rpc/fixture.rpc.h"

struct served {
	int64_t total;         /* what Add made */
	int adds, echoes;      /* handlers begun */
	int ended, cancelled;  /* handlers that held and returned, and those of them cancelled */
	bool hold;             /* Echo and Add wait, after their effect, until it is false */
	uint64_t deadline_ns;  /* of the last call */
	uint64_t trace;
	struct gw_rpc_peer peer;
	uint64_t attachment_bytes, attachment_sum; /* that Echo read */
	size_t read_bytes;     /* of one part; 0: it does not read */
	bool give_back;        /* Echo gives the attachment back, part by part */
	struct gw_rpc_client *next; /* Echo sends it on, part by part */
	bool attaches;         /* Add attaches something to its answer */
	const struct base_log *log; /* Echo tells it what it echoes */
	const char *redirect;  /* Add answers "not leader", and this */
	int fail_code;         /* Add fails with it after its effect */
	struct base_buffer *answers; /* a log: Add writes its answer there with its effect */
};

extern const struct fixture_handlers served_handlers;

/* Stubs with plain numbers and texts; the result is the code, or the sum. */
int64_t served_add(struct gw_rpc_client *client, int64_t number,
		   const struct gw_rpc_call_options *options, struct gw_error *error);
int served_echo(struct gw_rpc_client *client, const char *text,
		const struct gw_rpc_call_options *options, struct gw_error *error);

/* Byte i of attachments in tests. */
static inline uint8_t served_byte(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

#endif
