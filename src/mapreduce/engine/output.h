/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - pairs as bytes in the job's output format. Formatting only: where the bytes go is a sink's
 * business. Every format can be concatenated: the output of two ranges of keys, one behind the other, is
 * the output of both.
 */
#ifndef MR_OUTPUT_H
#define MR_OUTPUT_H

#include "config.h"

/* Takes finished bytes; called with at most a few MiB at a time. */
typedef int mr_sink_function(void *context, const void *data, size_t size, struct gw_error *error);

struct mr_output {
	const struct mr_config *config;
	mr_sink_function *sink;
	void *context;
	uint8_t *buffer;   /* capacity bytes, owned */
	size_t used, capacity;
	size_t frame;      /* GW_MR_OUT_FRAMED: where the open frame's header is in buffer */
	uint32_t frame_pairs;
	uint64_t written;  /* bytes given to the sink and in the buffer */
};

int mr_output_init(struct mr_output *output, const struct mr_config *config, mr_sink_function *sink,
		   void *context, struct gw_error *error) GW_MUST_CHECK;
/* number: the value is an int64 from gw_mr_emit_i64, printed in decimal by the text format. */
int mr_output_pair(struct mr_output *output, struct gw_bytes key, struct gw_bytes value, bool number,
		   struct gw_error *error) GW_MUST_CHECK;
int mr_output_bytes(struct mr_output *output, const void *data, size_t size, struct gw_error *error)
	GW_MUST_CHECK;
/* Gives what is left to the sink. */
int mr_output_flush(struct mr_output *output, struct gw_error *error) GW_MUST_CHECK;
void mr_output_done(struct mr_output *output);

/* Bytes that mr_output_pair would write for the pair, for formats in which that is a function of the
 * two sizes; false for the others (framed; numbers as text). */
bool mr_output_pair_size(const struct mr_config *config, size_t key, size_t value, uint64_t *size);

#endif
