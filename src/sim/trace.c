/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - a hash of everything that happened, the newest records of it, and counts. Addresses in
 * memory never enter the hash: texts are literals and are hashed by their bytes.
 */
#include "inside.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/crc32c.h"

void trace_start(struct trace *trace, uint64_t seed, size_t records)
{
	trace->hash = sim_mix(seed ^ 0x67726f756e64776f);
	trace->capacity = records;
	trace->records = sim_allocate(records * sizeof(*trace->records));
}

static inline void hash_word(struct trace *trace, uint64_t word)
{
	uint64_t hash = (trace->hash ^ word) * 0x9fb21c651e98df25;

	trace->hash = hash ^ (hash >> 29);
}

void trace_add(struct sim *sim, const struct sim_node *node, uint32_t kind, const char *text,
	       int64_t a, int64_t b)
{
	struct trace *trace = &sim->trace;
	struct trace_record *record = &trace->records[trace->written++ % trace->capacity];

	assert(kind <= TRACE_DATA);
	record->at_ns = sim->now_ns;
	record->text = text;
	record->a = a;
	record->b = b;
	record->node = node ? node->index + 1 : 0;
	record->kind = kind;
	hash_word(trace, sim->now_ns);
	hash_word(trace, (uint64_t)record->node << 32 | kind);
	hash_word(trace, (uint64_t)a);
	hash_word(trace, (uint64_t)b);
	if (text && kind >= TRACE_NODE)
		trace_data(sim, text, strlen(text));
}

void trace_data(struct sim *sim, const void *data, size_t size)
{
	hash_word(&sim->trace, (uint64_t)size << 32 | base_crc32c(0, data, size));
}

uint64_t sim_hash(const struct sim *sim)
{
	struct trace trace = sim->trace;

	for (size_t i = 0; i < 4; i++) {
		hash_word(&trace, sim->order.s[i]);
		hash_word(&trace, sim->net.s[i]);
		hash_word(&trace, sim->draw.s[i]);
		for (uint32_t node = 0; node < sim->node_count; node++) {
			hash_word(&trace, sim->nodes[node]->random.s[i]);
			hash_word(&trace, sim->nodes[node]->disk_random.s[i]);
		}
	}
	return sim_mix(trace.hash);
}

uint64_t sim_events(const struct sim *sim)
{
	return sim->trace.events;
}

static const char *kind_text(uint32_t kind)
{
	switch (kind) {
	case TRACE_READ:
		return "reads";
	case TRACE_SEGMENT:
		return "arrived from node";
	case TRACE_TURN:
		return "turn";
	default:
		return "";
	}
}

bool sim_trace_line(const struct sim *sim, size_t back, char line[SIM_TRACE_LINE_MAX])
{
	const struct trace *trace = &sim->trace;
	const struct trace_record *record;
	const char *node;
	int used;

	if (back >= trace->capacity || back >= trace->written)
		return false;
	record = &trace->records[(trace->written - 1 - back) % trace->capacity];
	node = record->node ? sim->nodes[record->node - 1]->name : "-";
	used = snprintf(line, SIM_TRACE_LINE_MAX, "%" PRIu64 ".%09" PRIu64 " %-10s ",
			record->at_ns / SIM_SECOND, record->at_ns % SIM_SECOND, node);
	line += used;
	used = SIM_TRACE_LINE_MAX - used;
	if (record->kind < IO_OPERATIONS && record->b < 0)
		snprintf(line, (size_t)used, "%s: %s", io_operation_text(record->kind),
			 gw_code_text((int)record->b));
	else if (record->kind < IO_OPERATIONS)
		snprintf(line, (size_t)used, "%s: %" PRId64, io_operation_text(record->kind),
			 record->b);
	else if (record->kind == TRACE_SUBMIT)
		snprintf(line, (size_t)used, "starts to %s, %" PRId64,
			 io_operation_text((unsigned)record->a), record->b);
	else
		snprintf(line, (size_t)used, "%s %" PRId64 " %" PRId64,
			 record->text ? record->text : kind_text(record->kind), record->a,
			 record->b);
	return true;
}

void sim_note(struct sim *sim, struct sim_node *node, const char *literal, int64_t number)
{
	trace_add(sim, node, TRACE_NOTE, literal, number, 0);
}

uint64_t sim_count(const struct sim *sim, enum sim_count count)
{
	assert(count < SIM_COUNTS);
	return sim->counts[count];
}

const char *sim_count_text(enum sim_count count)
{
	switch (count) {
#define COUNT_TEXT(name, text)        \
	case SIM_COUNT_##name:        \
		return text;
		SIM_COUNT_TABLE(COUNT_TEXT)
#undef COUNT_TEXT
	default:
		return "";
	}
}
