/* SPDX-License-Identifier: Apache-2.0 */
/* held.c - see held.h. */
#include "gfs/chunkserver/held.h"

#include <assert.h>
#include <stdlib.h>

struct held_data *held_data_new(size_t size)
{
	struct held_data *data = malloc(sizeof(*data) + size);

	if (!data)
		return NULL;
	*data = (struct held_data){.references = 1, .size = size};
	return data;
}

void held_data_unref(struct held_data *data)
{
	if (!data)
		return;
	assert(data->references > 0);
	if (--data->references == 0)
		free(data);
}

static struct gw_bytes key_of(const uint64_t id[2])
{
	return (struct gw_bytes){id, 2 * sizeof(id[0])};
}

static void take_out(struct held *held, struct held_data *data)
{
	*(data->older ? &data->older->newer : &held->oldest) = data->newer;
	*(data->newer ? &data->newer->older : &held->newest) = data->older;
	data->newer = data->older = NULL;
}

static void put_in(struct held *held, struct held_data *data)
{
	data->older = held->newest;
	*(held->newest ? &held->newest->newer : &held->oldest) = data;
	held->newest = data;
}

static void forget(struct held *held, struct held_data *data)
{
	bool was_there = base_map_remove(&held->by_id, key_of(data->id), NULL);

	assert(was_there && held->bytes >= data->size);
	take_out(held, data);
	held->bytes -= data->size;
	held_data_unref(data);
}

int held_expect(struct held *held, size_t size, struct gw_error *error)
{
	if (size > held->bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu bytes are more than are held", size);
	if (held->coming > held->bytes_max - size)
		return gw_fail(error, GW_E_OVERLOADED, "%zu bytes come already", held->coming);
	held->coming += size;
	return 0;
}

void held_expect_end(struct held *held, size_t size)
{
	assert(held->coming >= size);
	held->coming -= size;
}

int held_put(struct held *held, struct held_data *data, struct gw_error *error)
{
	int result;

	if (base_map_find(&held->by_id, key_of(data->id), NULL))
		return 0;
	assert(data->size <= held->bytes_max);
	result = base_map_put(&held->by_id, key_of(data->id), data, error);
	if (result < 0)
		return result;
	while (held->bytes > held->bytes_max - data->size)
		forget(held, held->oldest);
	put_in(held, data);
	held->bytes += data->size;
	data->references++;
	return 0;
}

struct held_data *held_get(struct held *held, uint64_t client, uint64_t number)
{
	const uint64_t id[2] = {client, number};
	struct held_data *data = base_map_get(&held->by_id, key_of(id));

	if (!data)
		return NULL;
	take_out(held, data);
	put_in(held, data);
	data->references++;
	return data;
}

void held_done(struct held *held)
{
	while (held->oldest)
		forget(held, held->oldest);
	base_map_done(&held->by_id);
}
