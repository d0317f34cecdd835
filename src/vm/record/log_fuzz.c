/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_fuzz.c - any bytes as a log: read to their end or refused, and every record that is read is
 * written as it was. The checksums are made right first, so that what is behind them is reached.
 */
#include "log.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the header, and of each group that is whole. */
static void mend(uint8_t *log, size_t size)
{
	size_t at;

	if (size < VM_LOG_PREFIX_BYTES || vm_log_header_size(log, &at, NULL) < 0 || at > size)
		return;
	base_store32(log + at - 4, base_crc32c(0, log, at - 4));
	while (size - at >= VM_LOG_GROUP_PREFIX_BYTES) {
		uint32_t body = base_load32(log + at);

		at += VM_LOG_GROUP_PREFIX_BYTES;
		if (body > size - at)
			return;
		base_store32(log + at - 4, base_crc32c(0, log + at, body));
		at += body;
	}
}

static void read_all(struct vm_log_reader *reader)
{
	struct vm_log_place place = vm_log_place(reader);
	struct vm_log_record record, again;
	struct base_buffer out = {0};
	struct gw_bytes bytes;

	while (vm_log_next(reader, &record, NULL) > 0) {
		out.size = 0;
		assert(vm_log_put_record(&out, &record, place.before, NULL) == 0);
		bytes = base_buffer_bytes(&out);
		assert(vm_log_get_record(&bytes, place.before, &again, NULL) == 0);
		assert(again.kind == record.kind && again.count == record.count);
		assert(again.id == record.id && again.value == record.value);
		assert(bytes.size == 0 && again.data.size == record.data.size);
		place = vm_log_place(reader);
	}
	base_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_log_reader *reader;
	uint8_t *log = malloc(size + 1);
	int file = memfd_create("log", 0);
	char path[64];

	if (!log || file < 0)
		abort();
	memcpy(log, data, size);
	mend(log, size);
	if (write(file, log, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (vm_log_open(&reader, path, NULL) == 0) {
		read_all(reader);
		vm_log_reader_free(reader);
	}
	close(file);
	free(log);
	return 0;
}
