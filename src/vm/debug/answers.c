/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.c - what is asked of registers and memory.
 */
#include "session_inside.h"

#include "registers.h"

/* ---- Answers --------------------------------------------------------------------------------- */

void vm_session_keep(struct vm_session *session, int code)
{
	session->error.code = code < 0 ? code : session->error.code;
}

void vm_session_say(struct vm_session *session, const char *words)
{
	vm_session_keep(session,
		     base_buffer_append_string(&session->answer, words, &session->error));
}

void vm_session_say_hex(struct vm_session *session, const void *bytes, size_t size)
{
	vm_session_keep(session, vm_packet_hex(&session->answer, bytes, size, &session->error));
}

/* ---- Registers ------------------------------------------------------------------------------- */

static void say_register(struct vm_session *session, unsigned number)
{
	uint64_t value;
	uint8_t bytes[8];

	if (!session->target.get(session->target.context, number, &value)) {
		vm_session_say(session, "E01");
		return;
	}
	for (size_t at = 0; at < sizeof(bytes); at++)
		bytes[at] = (uint8_t)(value >> (8 * at));
	vm_session_say_hex(session, bytes, vm_register_bytes(number));
}

static bool set_register(struct vm_session *session, unsigned number, struct vm_words *words)
{
	uint8_t bytes[8] = {0};
	uint64_t value = 0;

	if (!vm_words_bytes(words, bytes, vm_register_bytes(number)))
		return false;
	for (size_t at = sizeof(bytes); at-- > 0;)
		value = value << 8 | bytes[at];
	return session->target.set(session->target.context, number, value);
}

void vm_session_get_all(struct vm_session *session, struct vm_words *words)
{
	(void)words;
	for (unsigned number = 0; number < VM_REGISTERS_IN_G; number++)
		say_register(session, number);
}

void vm_session_set_all(struct vm_session *session, struct vm_words *words)
{
	bool done = true;

	for (unsigned number = 0; done && number < VM_REGISTERS_IN_G; number++)
		done = set_register(session, number, words) || number == 0;
	vm_session_say(session, done ? "OK" : "E01");
}

void vm_session_get_one(struct vm_session *session, struct vm_words *words)
{
	uint64_t number;

	if (!vm_words_number(words, &number) || number >= vm_register_count())
		vm_session_say(session, "E01");
	else
		say_register(session, (unsigned)number);
}

void vm_session_set_one(struct vm_session *session, struct vm_words *words)
{
	uint64_t number;
	bool done = vm_words_number(words, &number) && number < vm_register_count() &&
		    vm_words_take(words, "=") && set_register(session, (unsigned)number, words);

	vm_session_say(session, done ? "OK" : "E01");
}

/* ---- Memory ---------------------------------------------------------------------------------- */

bool vm_session_take_range(struct vm_words *words, uint64_t *address, uint64_t *size)
{
	return vm_words_number(words, address) && vm_words_take(words, ",") &&
	       vm_words_number(words, size);
}

void vm_session_read_memory(struct vm_session *session, struct vm_words *words)
{
	uint8_t bytes[VM_SESSION_READ_BYTES_MAX];
	uint64_t address, size;
	size_t got;

	if (!vm_session_take_range(words, &address, &size)) {
		vm_session_say(session, "E01");
		return;
	}
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	got = session->target.read(session->target.context, address, bytes, (size_t)size);
	if (got == 0 && size > 0)
		vm_session_say(session, "E14");
	else
		vm_session_say_hex(session, bytes, got);
}

static void write_memory(struct vm_session *session, struct vm_words *words, bool binary)
{
	uint8_t bytes[VM_PACKET_BYTES_MAX];
	uint64_t address, size;

	if (!vm_session_take_range(words, &address, &size) || !vm_words_take(words, ":") ||
	    size > sizeof(bytes)) {
		vm_session_say(session, "E01");
		return;
	}
	if (binary && vm_words_left(words) == size)
		memcpy(bytes, words->at, (size_t)size);
	else if (binary || !vm_words_bytes(words, bytes, (size_t)size)) {
		vm_session_say(session, "E01");
		return;
	}
	if (session->target.write(session->target.context, address, bytes, (size_t)size) == size)
		vm_session_say(session, "OK");
	else
		vm_session_say(session, "E14");
}

void vm_session_write_hex(struct vm_session *session, struct vm_words *words)
{
	write_memory(session, words, false);
}

void vm_session_write_binary(struct vm_session *session, struct vm_words *words)
{
	write_memory(session, words, true);
}
