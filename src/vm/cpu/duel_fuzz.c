/* SPDX-License-Identifier: Apache-2.0 */
/* duel_fuzz.c - any bytes as a program, in any state: the hart does what the oracle does. */
#include "duel_fixture.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct duel_options options = {0};
	struct duel duel;
	const char *difference;

	if (size < 8 || size > DUEL_CODE_BYTES_MAX)
		return 0;
	options.seed = data[0] | (uint64_t)data[1] << 8;
	options.paged = data[2] & 1;
	options.step_max = 1 + data[3];
	options.block_instructions_max = data[4];
	options.translations_max = data[5];
	options.blocks_max = 64;
	options.code = (struct gw_bytes){data + 6, size - 6};
	if (duel_start(&duel, &options) < 0) {
		duel_done(&duel);
		return 0;
	}
	difference = duel_run(&duel, &options, 500);
	if (difference) {
		fprintf(stderr, "%s\n", difference);
		abort();
	}
	duel_done(&duel);
	return 0;
}
