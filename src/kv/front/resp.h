/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resp.h - the Redis protocol, version 2: commands are taken apart, replies put together.
 *
 * A command is an array of byte strings, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", or a line of words
 * ("inline", as telnet sends it; quotes are ordinary characters). A reply is "+OK\r\n",
 * "-ERR why\r\n", ":12\r\n", "$2\r\nhi\r\n", "$-1\r\n" for nothing, "*2\r\n" and two replies.
 */
#ifndef KV_FRONT_RESP_H
#define KV_FRONT_RESP_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	RESP_ARGUMENTS_MAX = 4096,
	RESP_BULK_BYTES_MAX = 2 << 20, /* more than a value may have, so that a command answers */
	RESP_COMMAND_BYTES_MAX = 4 << 20, /* of all of a command */
	RESP_INLINE_BYTES_MAX = 64 << 10,
};

struct resp_command {
	struct gw_bytes *arguments; /* pointing into the input; the list is the arena's */
	size_t count;		    /* 0: an empty line; there is nothing to answer */
	size_t bytes;		    /* of the input that it took */
};

/*
 * The command that the input begins with. 1: *command; 0: the input ends before it; GW_E_INVALID:
 * nothing that comes can be understood any more, and the sentence is what Redis says then.
 */
int resp_parse(struct gw_bytes input, struct base_arena *arena, struct resp_command *command,
	       struct gw_error *error) GW_MUST_CHECK;

/* A decimal number of 64 bits, as Redis takes it: no sign but '-', no leading zero, no space. */
bool resp_number(struct gw_bytes text, int64_t *number);
/* Whether an argument is a word, in whatever case; word in capitals. */
bool resp_is(struct gw_bytes argument, const char *word);
/* Whether key is like a pattern of Redis: * ? [abc] [^a-c] and \ before what stands for itself. */
bool resp_match(struct gw_bytes pattern, struct gw_bytes key);

/* Replies are appended. A text has no line ends; those of a failure's sentence become spaces. */
int resp_put_text(struct base_buffer *out, const char *text, struct gw_error *error) GW_MUST_CHECK;
int resp_put_failure(struct base_buffer *out, const char *kind, const char *text,
		     struct gw_error *error) GW_MUST_CHECK;
int resp_put_number(struct base_buffer *out, int64_t number, struct gw_error *error) GW_MUST_CHECK;
int resp_put_bytes(struct base_buffer *out, struct gw_bytes bytes,
		   struct gw_error *error) GW_MUST_CHECK;
int resp_put_nothing(struct base_buffer *out, struct gw_error *error) GW_MUST_CHECK;
int resp_put_array(struct base_buffer *out, size_t count, struct gw_error *error) GW_MUST_CHECK;

#endif
