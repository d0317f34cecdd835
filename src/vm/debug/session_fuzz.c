/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_fuzz.c - any bytes from gdb: first as they are, then as the contents of packets, line by
 * line, so that what is behind the checksum is reached. What is answered can be read as packets.
 */
#include "packet.h"
#include "registers.h"
#include "session.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES = 4096 };

struct target {
	uint64_t registers[256];
	uint8_t memory[MEMORY_BYTES]; /* at 0 */
};

static bool get(void *context, unsigned number, uint64_t *value)
{
	assert(number < vm_register_count() && number < 256);
	*value = ((struct target *)context)->registers[number];
	return number % 7 != 6;
}

static bool set(void *context, unsigned number, uint64_t value)
{
	assert(number < vm_register_count() && number < 256);
	((struct target *)context)->registers[number] = value;
	return true;
}

static size_t part(uint64_t address, size_t size)
{
	if (address >= MEMORY_BYTES)
		return 0;
	return size < MEMORY_BYTES - address ? size : MEMORY_BYTES - (size_t)address;
}

static size_t read_memory(void *context, uint64_t address, uint8_t *to, size_t size)
{
	if (part(address, size))
		memcpy(to, ((struct target *)context)->memory + address, part(address, size));
	return part(address, size);
}

static size_t write_memory(void *context, uint64_t address, const uint8_t *from, size_t size)
{
	if (part(address, size))
		memcpy(((struct target *)context)->memory + address, from, part(address, size));
	return part(address, size);
}

static int set_stops(void *context, const uint64_t *breaks, size_t break_count,
		     const struct vm_watch *watches, size_t watch_count)
{
	(void)context, (void)breaks, (void)watches;
	assert(break_count <= VM_STOPS_MAX && watch_count <= VM_STOPS_MAX);
	return 0;
}

static struct vm_debug_stop go(void *context, enum vm_debug_go how)
{
	struct vm_debug_stop stop = {.why = (enum vm_debug_why)how};

	(void)context;
	if (how == VM_DEBUG_STEP_BACK)
		gw_fail(&stop.trouble, GW_E_CORRUPT, "$#}*");
	return stop;
}

static int monitor(void *context, const char *command, struct base_buffer *out,
		   struct gw_error *error)
{
	(void)context;
	return base_buffer_append_string(out, command, error);
}

static void check_answers(struct vm_session *session)
{
	struct gw_bytes out = vm_session_out(session);
	struct vm_packet_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		abort();
	for (size_t at = 0; at < out.size; at++) {
		enum vm_packet_event event = vm_packet_put(reader, ((const uint8_t *)out.data)[at]);

		assert(event != VM_PACKET_BAD && event != VM_PACKET_BREAK);
	}
	assert(reader->state == VM_PACKET_OUTSIDE);
	free(reader);
	vm_session_sent(session);
}

static void feed(const uint8_t *data, size_t size, bool framed)
{
	struct target *target = calloc(1, sizeof(*target));
	const struct vm_debug_target functions = {target,       get,       set, read_memory,
						  write_memory, set_stops, go,  monitor};
	struct vm_session *session;
	struct base_buffer packet = {0};

	if (!target || vm_session_new(&session, &functions, NULL) < 0)
		abort();
	if (!framed)
		assert(vm_session_put(session, (struct gw_bytes){data, size}, NULL) == 0);
	for (size_t at = 0; framed && at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t length = end ? (size_t)(end - data) - at : size - at;

		packet.size = 0;
		assert(vm_packet_frame(&packet, (struct gw_bytes){data + at, length}, NULL) == 0);
		assert(vm_session_put(session, base_buffer_bytes(&packet), NULL) == 0);
		check_answers(session);
		at += length + 1;
	}
	check_answers(session);
	base_buffer_done(&packet);
	vm_session_free(session);
	free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(data, size, false);
	feed(data, size, true);
	return 0;
}
