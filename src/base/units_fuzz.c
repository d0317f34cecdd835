/* SPDX-License-Identifier: Apache-2.0 */
/* units_fuzz.c - sizes, times and varints of any bytes; what is read is written back the same. */
#include "base/varint.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_varint(const uint8_t *data, size_t size)
{
	uint8_t again[BASE_VARINT_MAX];
	uint64_t number;
	size_t used = base_varint_get(data, size, &number);

	if (used == 0)
		return;
	assert(used <= size && used <= BASE_VARINT_MAX);
	assert(base_varint_size(number) == used);
	assert(base_varint_put(again, number) == used && memcmp(again, data, used) == 0);
}

static void check_text(const char *text)
{
	struct gw_error error = {0};
	uint64_t number, same;
	char again[32];

	if (gw_parse_size(text, &number, &error) == 0) {
		snprintf(again, sizeof(again), "%llu", (unsigned long long)number);
		assert(gw_parse_size(again, &same, NULL) == 0 && same == number);
	} else {
		assert(error.code == GW_E_INVALID);
	}
	if (gw_parse_ms(text, &number, NULL) == 0) {
		snprintf(again, sizeof(again), "%llums", (unsigned long long)number);
		assert(gw_parse_ms(again, &same, NULL) == 0 && same == number);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	check_varint(data, size);
	check_text(text);
	free(text);
	return 0;
}
