/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - pairs as bytes in the job's output format. Formatting only: where the bytes go is a
 * sink's business. Every format can be concatenated: the output of two ranges of keys, one behind
 * the other, is the output of both.
 */
#ifndef MR_OUTPUT_H
#define MR_OUTPUT_H

#include "config.h"

enum {
	MR_OUTPUT_BUFFER = 1 << 20, /* or a share of a small slot's memory */
	MR_SINK_MAX = 4 << 20,      /* bytes of one call of the sink */
};

/* Takes finished bytes; called with at most MR_SINK_MAX at a time. */
typedef int mr_sink_function(void *context, const void *data, size_t size, struct gw_error *error);

struct mr_output {
	const struct mr_config *config;
	mr_sink_function *sink;
	void *context;
	bool text;            /* the format is GW_MR_OUT_TEXT */
	uint8_t *buffer;      /* capacity bytes, owned */
	size_t used, capacity;
	size_t frame;         /* GW_MR_OUT_FRAMED: where the open frame's header is in buffer */
	uint32_t frame_pairs; /* in it; 0: none is open */
	uint64_t written; /* bytes given to the sink and in the buffer; of a frame when it ends */
};

int mr_output_init(struct mr_output *output, const struct mr_config *config, mr_sink_function *sink,
		   void *context, struct gw_error *error) GW_MUST_CHECK;

/* mr_output_pair for all but short text. */
int mr_output_pair_other(struct mr_output *output, struct gw_bytes key, struct gw_bytes value,
			 bool number, struct gw_error *error) GW_MUST_CHECK;

/* number: the value is an int64 from gw_mr_emit_i64, printed in decimal by the text format.
 * GW_E_TOO_LARGE when key and value together are too long for a frame (4 GiB). */
static inline int GW_MUST_CHECK mr_output_pair(struct mr_output *output, struct gw_bytes key,
					       struct gw_bytes value, bool number,
					       struct gw_error *error)
{
	uint8_t *at = output->buffer + output->used;
	size_t size = key.size + value.size + 2;

	if (!output->text || number || key.size == 0 || value.size == 0 ||
	    size > output->capacity - output->used)
		return mr_output_pair_other(output, key, value, number, error);
	memcpy(at, key.data, key.size);
	at += key.size;
	*at++ = '\t';
	memcpy(at, value.data, value.size);
	at[value.size] = '\n';
	output->used += size;
	output->written += size;
	return 0;
}

/* Bytes as they are, behind all pairs before. */
int mr_output_bytes(struct mr_output *output, const void *data, size_t size, struct gw_error *error)
	GW_MUST_CHECK;
/* Ends the open frame and gives what is left to the sink. */
int mr_output_flush(struct mr_output *output, struct gw_error *error) GW_MUST_CHECK;
void mr_output_done(struct mr_output *output);

/* Bytes that mr_output_pair would write for the pair, which is no number of gw_mr_emit_i64, for
 * formats in which that is a function of the two sizes; false for the others (framed; the user's;
 * the sums of a built-in combiner as text). */
bool mr_output_pair_size(const struct mr_config *config, size_t key, size_t value, uint64_t *size);

#endif
