/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.h - a port of a member at which programs for Redis find a server of theirs. README.md says
 * what is as there and what is not.
 *
 *     kv_front_new(&front, server, &options, &error);
 *     ...
 *     kv_front_free(front);       // before the server
 *
 * From tasks of the server's loop. What arrives on a connection in one read is proposed together,
 * so it shares a write to the disk; replies are in the order of the commands. Nobody is asked who
 * he is, so without `insecure` only this machine can connect.
 */
#ifndef KV_FRONT_FRONT_H
#define KV_FRONT_FRONT_H

#include "kv/server/server.h"

struct kv_front;

enum {
	FRONT_CONNECTIONS_MAX = 10000,	  /* default of the option */
	FRONT_READ_BYTES = 16 << 10,	  /* of a connection, at once */
	FRONT_BATCH_MAX = 256,		  /* commands under way on a connection */
	FRONT_FLUSH_BYTES = 1 << 20,	  /* of replies that wait for each other */
	FRONT_OUT_BYTES_KEPT = 64 << 10,  /* of room for replies, while a connection is idle */
	FRONT_REPLY_BYTES_MAX = 32 << 20, /* of one command */
	FRONT_TIMEOUT_MS = 10000,	  /* of a command */
	FRONT_CURSORS_MAX = 1024,	  /* of SCAN, that are remembered */
	FRONT_SCAN_MAX = 1000,		  /* keys that one SCAN looks at */
	FRONT_TRIES_MAX = 16,		  /* of a SET that depends on what it finds */
};

struct kv_front_options {
	const char *address; /* host:port, or the path of a UNIX socket */
	bool insecure;	     /* also where other machines reach it */
	uint32_t connections_max;
};

/* GW_E_DENIED: not of this machine, and not insecure. On failure there is nothing to free. */
int kv_front_new(struct kv_front **front, struct kv_server *server,
		 const struct kv_front_options *options, struct gw_error *error) GW_MUST_CHECK;
/* Where it listens, with its port. */
const char *kv_front_address(const struct kv_front *front);
/* Cuts all connections; commands under way may have happened. Waits. NULL is fine. */
void kv_front_free(struct kv_front *front);

#endif
