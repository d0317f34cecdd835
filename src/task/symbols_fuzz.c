/* SPDX-License-Identifier: Apache-2.0 */
/* symbols_fuzz.c - any bytes as an ELF file: what is found lies inside them. */
#include "task/symbols.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file = malloc(size + 1); /* aligned as a mapping is */
	uint64_t address = 0, offset;
	const char *name;

	if (!file)
		return 0;
	if (size)
		memcpy(file, data, size);
	if (size >= 2)
		address = (uint64_t)data[size - 1] << 8 | data[size - 2];
	name = task_symbols_find(file, size, address, &offset);
	if (name) {
		assert((const uint8_t *)name >= file && (const uint8_t *)name < file + size);
		assert(offset <= address && strlen(name) < size);
	}
	free(file);
	return 0;
}
