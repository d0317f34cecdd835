/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - pairs as text, frames (framed.h) or bare bytes, collected in a buffer. What is longer
 * than the buffer passes it by.
 */
#include "output.h"

#include "base/little_endian.h"
#include "base/varint.h"
#include "decimal.h"
#include "framed.h"

#include <assert.h>
#include <stdlib.h>

enum {
	BUFFER_SHARE = 16, /* of a slot's memory */
	BUFFER_MIN = MR_FRAME_HEADER_SIZE + MR_FRAME_TARGET,
};

int mr_output_init(struct mr_output *output, const struct mr_config *config, mr_sink_function *sink,
		   void *context, struct gw_error *error)
{
	uint64_t capacity = config->slot_memory / BUFFER_SHARE;

	assert(sink);
	if (capacity > MR_OUTPUT_BUFFER)
		capacity = MR_OUTPUT_BUFFER;
	if (capacity < BUFFER_MIN)
		capacity = BUFFER_MIN;
	*output = (struct mr_output){
		.config = config,
		.sink = sink,
		.context = context,
		.text = config->job.output == GW_MR_OUT_TEXT,
		.buffer = malloc(capacity),
		.capacity = (size_t)capacity,
	};
	assert(output->capacity >= BUFFER_MIN && output->capacity <= MR_OUTPUT_BUFFER);
	if (!output->buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "output of job %s: out of memory",
			       config->job.name);
	return 0;
}

void mr_output_done(struct mr_output *output)
{
	free(output->buffer);
	output->buffer = NULL;
	output->used = output->capacity = 0;
}

/* Gives the buffer to the sink. No frame is open. */
static int drain(struct mr_output *output, struct gw_error *error)
{
	size_t size = output->used;

	assert(output->frame_pairs == 0 && output->buffer);
	assert(size <= output->capacity);
	output->used = 0;
	return size ? output->sink(output->context, output->buffer, size, error) : 0;
}

/* Puts bytes behind what is in the buffer; without a frame. */
static int put(struct mr_output *output, const void *data, size_t size, struct gw_error *error)
{
	const uint8_t *bytes = data;
	int result;

	assert(output->frame_pairs == 0 && output->used <= output->capacity);
	output->written += size;
	if (size > output->capacity - output->used) {
		result = drain(output, error);
		if (result < 0)
			return result;
	}
	while (size > output->capacity) {
		size_t step = size < MR_SINK_MAX ? size : MR_SINK_MAX;

		result = output->sink(output->context, bytes, step, error);
		if (result < 0)
			return result;
		bytes += step;
		size -= step;
	}
	assert(size <= output->capacity - output->used);
	if (size) {
		memcpy(output->buffer + output->used, bytes, size);
		output->used += size;
	}
	return 0;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static size_t open_payload_size(const struct mr_output *output)
{
	return output->used - output->frame - MR_FRAME_HEADER_SIZE;
}

static void end_frame(struct mr_output *output)
{
	uint8_t *header = output->buffer + output->frame;
	struct gw_bytes payload = {header + MR_FRAME_HEADER_SIZE, 0};
	uint16_t mask;

	if (output->frame_pairs == 0)
		return;
	assert(output->used >= output->frame + MR_FRAME_HEADER_SIZE);
	payload.size = open_payload_size(output);
	assert(payload.size <= MR_FRAME_TARGET);
	mask = mr_frame_make_header(header, &payload, 1, output->frame_pairs);
	mr_frame_mask(header + MR_FRAME_HEADER_SIZE, payload.size, mask, 0);
	output->frame_pairs = 0;
	output->written += MR_FRAME_HEADER_SIZE + payload.size;
}

/* Writes a part of a payload under a mask: through the buffer, since the caller's bytes stay. */
static int put_masked(struct mr_output *output, struct gw_bytes part, uint16_t mask,
		      size_t position, struct gw_error *error)
{
	const uint8_t *bytes = part.data;
	size_t done = 0;

	assert(output->frame_pairs == 0 && output->used <= output->capacity);
	if (mask == 0)
		return put(output, part.data, part.size, error);
	while (done < part.size) {
		size_t step = part.size - done;
		int result = 0;

		if (output->used == output->capacity)
			result = drain(output, error);
		if (result < 0)
			return result;
		if (step > output->capacity - output->used)
			step = output->capacity - output->used;
		memcpy(output->buffer + output->used, bytes + done, step);
		mr_frame_mask(output->buffer + output->used, step, mask, position + done);
		output->used += step;
		output->written += step;
		done += step;
	}
	return 0;
}

/* A pair in a frame of its own. */
static int put_frame(struct mr_output *output, const struct gw_bytes *parts, size_t count,
		     struct gw_error *error)
{
	uint8_t header[MR_FRAME_HEADER_SIZE];
	uint16_t mask = mr_frame_make_header(header, parts, count, 1);
	size_t position = 0;
	int result = put(output, header, sizeof header, error);

	for (size_t i = 0; i < count && result == 0; i++) {
		result = put_masked(output, parts[i], mask, position, error);
		position += parts[i].size;
	}
	return result;
}

static int pair_framed(struct mr_output *output, struct gw_bytes key, struct gw_bytes value,
		       struct gw_error *error)
{
	uint8_t sizes[2 * BASE_VARINT_MAX];
	size_t sizes_size = base_varint_put(sizes, key.size);
	uint8_t *at;
	uint64_t size;
	int result;

	sizes_size += base_varint_put(sizes + sizes_size, value.size);
	size = sizes_size + (uint64_t)key.size + value.size;
	if (size > UINT32_MAX)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "a pair of %zu and %zu bytes does not fit a frame", key.size,
			       value.size);
	if (output->frame_pairs && open_payload_size(output) + size > MR_FRAME_TARGET)
		end_frame(output);
	if (size > MR_FRAME_TARGET)
		return put_frame(output, (struct gw_bytes[]){{sizes, sizes_size}, key, value}, 3,
				 error);
	if (output->frame_pairs == 0) {
		/* A frame that is begun always has room for its target. */
		if (output->capacity - output->used < BUFFER_MIN) {
			result = drain(output, error);
			if (result < 0)
				return result;
		}
		output->frame = output->used;
		output->used += MR_FRAME_HEADER_SIZE;
	}
	at = output->buffer + output->used;
	memcpy(at, sizes, sizes_size);
	if (key.size)
		memcpy(at + sizes_size, key.data, key.size);
	if (value.size)
		memcpy(at + sizes_size + key.size, value.data, value.size);
	output->used += size;
	output->frame_pairs++;
	assert(output->used <= output->capacity);
	return 0;
}

/* ---- Text and bare bytes --------------------------------------------------------------------- */

static int64_t number_of(struct gw_bytes value)
{
	assert(value.size == sizeof(int64_t));
	return (int64_t)base_load64(value.data);
}

static int pair_number(struct mr_output *output, struct gw_bytes key, struct gw_bytes value,
		       struct gw_error *error)
{
	char line[1 + MR_DECIMAL_MAX + 1] = {'\t'};
	size_t room = output->capacity - output->used;
	size_t size;
	int result;

	/* Nearly always: straight into the buffer. */
	if (key.size && room >= sizeof line && key.size <= room - sizeof line) {
		char *at = (char *)output->buffer + output->used;

		memcpy(at, key.data, key.size);
		at[key.size] = '\t';
		size = key.size + 1 + mr_decimal(at + key.size + 1, number_of(value));
		at[size++] = '\n';
		output->used += size;
		output->written += size;
		return 0;
	}
	size = 1 + mr_decimal(line + 1, number_of(value));
	line[size++] = '\n';
	result = put(output, key.data, key.size, error);
	return result < 0 ? result : put(output, line, size, error);
}

static int pair_text(struct mr_output *output, struct gw_bytes key, struct gw_bytes value,
		     struct gw_error *error)
{
	int result = put(output, key.data, key.size, error);

	if (result == 0 && value.size)
		result = put(output, "\t", 1, error);
	if (result == 0)
		result = put(output, value.data, value.size, error);
	if (result == 0)
		result = put(output, "\n", 1, error);
	return result;
}

int mr_output_pair_other(struct mr_output *output, struct gw_bytes key, struct gw_bytes value,
			 bool number, struct gw_error *error)
{
	int result;

	switch (output->config->job.output) {
	case GW_MR_OUT_FRAMED:
		return pair_framed(output, key, value, error);
	case GW_MR_OUT_FIXED:
		result = put(output, key.data, key.size, error);
		return result < 0 ? result : put(output, value.data, value.size, error);
	default:
		if (number)
			return pair_number(output, key, value, error);
		return pair_text(output, key, value, error);
	}
}

int mr_output_bytes(struct mr_output *output, const void *data, size_t size, struct gw_error *error)
{
	end_frame(output);
	return put(output, data, size, error);
}

int mr_output_flush(struct mr_output *output, struct gw_error *error)
{
	end_frame(output);
	return drain(output, error);
}

static bool makes_numbers(enum gw_mr_combiner combiner)
{
	return combiner == GW_MR_SUM || combiner == GW_MR_MIN || combiner == GW_MR_MAX ||
	       combiner == GW_MR_COUNT;
}

bool mr_output_pair_size(const struct mr_config *config, size_t key, size_t value, uint64_t *size)
{
	if (config->job.format || config->job.output == GW_MR_OUT_FRAMED)
		return false;
	*size = (uint64_t)key + value;
	if (config->job.output == GW_MR_OUT_FIXED)
		return true;
	if (makes_numbers(config->job.combine_with))
		return false;
	*size += value ? 2 : 1;
	return true;
}
