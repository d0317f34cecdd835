/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear_model.c - see linear_model.h.
 */
#include "sim/linear_model.h"

#include "base/allocate.h"
#include "base/little_endian.h"

#include <stdlib.h>

enum { COUNTER_BYTES = 8 };

int sim_model_init(struct sim_model *model)
{
	model->values = base_grow(NULL, sizeof(*model->values), &model->capacity, 1);
	if (!model->values)
		return GW_E_NO_MEMORY;
	model->values[model->count++] = (struct gw_bytes){"", 0}; /* SIM_MODEL_ABSENT */
	return 0;
}

void sim_model_done(struct sim_model *model)
{
	free(model->values);
	base_map_done(&model->numbers);
	base_arena_done(&model->memory);
}

int64_t sim_model_number(const struct sim_model *model, uint32_t state)
{
	return state == SIM_MODEL_ABSENT ? 0 : (int64_t)base_load64(model->values[state].data);
}

/* The number of a value, in *state. */
static int state_of(struct sim_model *model, struct gw_bytes value, uint32_t *state)
{
	void *number;

	if (value.size == 0)
		value.data = "";
	if (base_map_find(&model->numbers, value, &number)) {
		*state = (uint32_t)(uintptr_t)number;
		return 0;
	}
	if (value.size > model->value_bytes_max - model->value_bytes ||
	    model->count >= UINT32_MAX)
		return GW_E_TOO_LARGE;
	if (model->count == model->capacity) {
		struct gw_bytes *values = base_grow(model->values, sizeof(*values),
						    &model->capacity,
						    model->count + 1);

		if (!values)
			return GW_E_NO_MEMORY;
		model->values = values;
	}
	value.data = base_arena_copy(&model->memory, value);
	if (!value.data)
		return GW_E_NO_MEMORY;
	*state = (uint32_t)model->count;
	model->value_bytes += value.size;
	model->values[model->count++] = value;
	return base_map_put(&model->numbers, value, (void *)(uintptr_t)*state, NULL);
}

static bool is_value(const struct sim_model *model, uint32_t state, struct gw_bytes value)
{
	return state != SIM_MODEL_ABSENT && gw_bytes_compare(model->values[state], value) == 0;
}

/* Whether a reply tells the state. */
static bool tells(const struct sim_model *model, const struct sim_reply *reply, uint32_t state)
{
	return reply->found ? is_value(model, state, reply->value) : state == SIM_MODEL_ABSENT;
}

static int append(struct sim_model *model, struct gw_bytes more, uint32_t from, uint32_t *to)
{
	struct gw_bytes before = from == SIM_MODEL_ABSENT ? (struct gw_bytes){"", 0}
						      : model->values[from];
	struct gw_bytes whole = {NULL, before.size + more.size};
	char *data;
	int code;

	if (more.size > model->value_bytes_max - before.size)
		return GW_E_TOO_LARGE;
	data = malloc(whole.size + 1);
	if (!data)
		return GW_E_NO_MEMORY;
	memcpy(data, before.data, before.size);
	if (more.size > 0)
		memcpy(data + before.size, more.data, more.size);
	whole.data = data;
	code = state_of(model, whole, to);
	free(data);
	return code;
}

static int add(struct sim_model *model, const struct sim_history_entry *entry, bool checked,
	       uint32_t from, uint32_t *to)
{
	uint8_t bytes[COUNTER_BYTES];
	uint64_t number = (uint64_t)entry->operation.number;
	int code;

	*to = from;
	if (from != SIM_MODEL_ABSENT)
		number += base_load64(model->values[from].data);
	if (checked && number != (uint64_t)entry->reply.number)
		return 0;
	base_store64(bytes, number);
	if (entry->operation.number == 0)
		return 1; /* absent stays absent */
	code = state_of(model, (struct gw_bytes){bytes, sizeof(bytes)}, to);
	return code < 0 ? code : 1;
}

static int compare_and_set(struct sim_model *model, const struct sim_history_entry *entry,
			   bool checked, uint32_t from, uint32_t *to)
{
	const struct sim_operation *operation = &entry->operation;
	bool matches = operation->expects_none ? from == SIM_MODEL_ABSENT
					       : is_value(model, from, operation->expected);
	int code;

	if (checked && entry->reply.found != matches)
		return 0;
	*to = from;
	code = matches ? state_of(model, operation->argument, to) : 0;
	return code < 0 ? code : 1;
}

int sim_model_apply(struct sim_model *model, const struct sim_history_entry *entry, uint32_t from,
		    uint32_t *to)
{
	const struct sim_operation *operation = &entry->operation;
	const struct sim_reply *reply = &entry->reply;
	bool checked = entry->state == SIM_HISTORY_REPLIED && !reply->unchecked;
	int code = 0;

	*to = from;
	switch (operation->kind) {
	case SIM_GET:
		return !checked || tells(model, reply, from);
	case SIM_PUT:
		code = state_of(model, operation->argument, to);
		break;
	case SIM_APPEND:
		if (checked && !tells(model, reply, from))
			return 0;
		code = append(model, operation->argument, from, to);
		break;
	case SIM_CAS:
		return compare_and_set(model, entry, checked, from, to);
	case SIM_DELETE:
		*to = SIM_MODEL_ABSENT;
		return !checked || reply->found == (from != SIM_MODEL_ABSENT);
	case SIM_ADD:
		return add(model, entry, checked, from, to);
	case SIM_KINDS:
		break;
	}
	return code < 0 ? code : 1;
}
