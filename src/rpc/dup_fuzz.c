/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dup_fuzz.c - bytes of any kind as records of the duplicate table: they are taken in or refused,
 * and what was taken in is exported to records that make the same table again. The first byte says
 * whether sizes and checksums are made right, without which no fuzzer would come past them.
 */
#include "rpc/dup_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts the bytes into records whose size, version, type and checksum are right. */
static void repair(uint8_t *data, size_t size)
{
	static const size_t least[] = {RPC_DUP_FRONT_BYTES, RPC_DUP_ANSWER_BYTES,
				       RPC_DUP_TIMES_BYTES};

	while (size > 6) {
		unsigned type = data[5] % 3;
		size_t bytes = least[type] + 4 + (type == 1 ? data[4] : 0);

		if (bytes > size)
			return;
		base_store32(data, (uint32_t)bytes);
		data[4] = RPC_DUP_VERSION;
		data[5] = (uint8_t)(type + 1);
		/* Few clients and near numbers, so that records meet. */
		base_store64(data + 8, data[8] % 4);
		base_store64(data + 16, 0);
		base_store64(data + 24, base_load64(data + 24) % 2000);
		if (type == 1) {
			base_store64(data + 32, base_load64(data + 32) % 2600);
			base_store32(data + 60, (uint32_t)(bytes - RPC_DUP_ANSWER_BYTES - 4));
		}
		base_store32(data + bytes - 4, base_crc32c(0, data, bytes - 4));
		data += bytes;
		size -= bytes;
	}
}

/* Nothing that was taken in breaks a call that comes then. */
static void use(struct gw_rpc_dup *dup, const uint8_t *data, size_t size)
{
	struct rpc_dup_call call = {.client = {{size ? data[0] % 4 : 0, 0}},
				    .first_incomplete = size > 1 ? data[1] : 1,
				    .sequence = size > 2 ? data[2] * UINT64_C(5) : 1};
	struct rpc_dup_answer answer;
	struct gw_error error = {0};
	int result = rpc_dup_apply(dup, size > 3 ? data[3] * UINT64_C(1000) : 0, &call, &answer,
				   &error);

	assert(result >= 0 || error.text[0]);
	if (result == RPC_DUP_NEW)
		dup->operations->finish(dup, &call, 0, gw_string("an answer"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_rpc_dup *dup, *other;
	struct base_buffer first = {0}, second = {0};
	struct gw_error error = {0};
	uint8_t *copy = malloc(size + 1);
	int result;

	if (size < 1 || !copy || gw_rpc_dup_new(&dup, NULL, NULL) < 0) {
		free(copy);
		return 0;
	}
	memcpy(copy, data, size);
	if (data[0] & 1)
		repair(copy + 1, size - 1);
	result = gw_rpc_dup_restore(dup, (struct gw_bytes){copy + 1, size - 1}, &error);
	assert(result == 0 || error.text[0]);
	use(dup, copy + 1, size - 1);
	result = dup->operations->export_object(dup, UINT64_MAX, &first, &error);
	assert(result == 0);
	result = gw_rpc_dup_new(&other, NULL, NULL);
	assert(result == 0);
	result = gw_rpc_dup_restore(other, base_buffer_bytes(&first), &error);
	assert(result == 0);
	result = other->operations->export_object(other, UINT64_MAX, &second, &error);
	assert(result == 0);
	assert(gw_bytes_compare(base_buffer_bytes(&first), base_buffer_bytes(&second)) == 0);
	gw_rpc_dup_free(dup);
	gw_rpc_dup_free(other);
	base_buffer_done(&first);
	base_buffer_done(&second);
	free(copy);
	return 0;
}
