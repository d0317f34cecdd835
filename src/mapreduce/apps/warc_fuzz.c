/* SPDX-License-Identifier: Apache-2.0 */
/* warc_fuzz.c - any bytes as an archive; the first byte says in pieces of which size they come. */
#include "warc.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct gw_bytes left;
	size_t step;
};

static int read_input(void *context, void *data, size_t size, size_t *got, struct gw_error *error)
{
	struct input *input = context;

	(void)error;
	*got = size < input->left.size ? size : input->left.size;
	if (*got > input->step)
		*got = input->step;
	memcpy(data, input->left.data, *got);
	input->left =
		(struct gw_bytes){(const char *)input->left.data + *got, input->left.size - *got};
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_warc_record record;
	struct mr_warc warc;
	uint64_t before = 0;
	int code;

	if (size == 0)
		return 0;
	struct input input = {{data + 1, size - 1}, data[0] + 1U};

	mr_warc_init(&warc, read_input, &input);
	while ((code = mr_warc_next(&warc, "response", &record, NULL)) == 1) {
		assert(record.offset >= before && warc.offset > record.offset);
		assert(record.block.size <= size);
		before = warc.offset;
	}
	assert(code <= 0 && warc.offset <= size - 1);
	mr_warc_done(&warc);
	return 0;
}
